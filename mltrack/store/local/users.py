"""Who uses a cache: each project that opens one which is not its own leaves a mark in
it, so that none deletes what only another refers to.

A cache that stands in a project's own directory belongs to that project without a mark.
"""

import os

from mltrack.disk.durable import (
    is_temporary,
    make_directories,
    names_in,
    read_bounded,
    share_like_parent,
    write_atomic,
)
from mltrack.errors import FormatError, WorkspaceError
from mltrack.objects.digest import XXH3

DIRECTORY = "users"
# bytes: longer than any path
_MAX_BYTES = 1 << 16
_STATE_NAME = ".mltrack"


def is_own(cache_path: str, state_path: str) -> bool:
    """Returns whether a cache stands in a project's own directory, by no link."""
    return os.path.realpath(cache_path) == os.path.join(
        os.path.realpath(state_path), "cache"
    )


def mark(cache_path: str, state_path: str) -> None:
    """Notes that the project with this ``.mltrack`` uses the cache."""
    own = os.fsencode(os.path.realpath(state_path))
    place = os.path.join(cache_path, DIRECTORY, XXH3.hex_of(own))
    # the usual case, met by each command that uses the cache
    if not os.path.exists(place):
        make_directories(os.path.dirname(place))
        # aside: a mark that a kill left half-written here would count as damaged
        aside = os.path.join(cache_path, "tmp")
        make_directories(aside)
        write_atomic(place, own, aside=aside)
        share_like_parent(place)


def others(cache_path: str, state_path: str) -> list[str]:
    """Returns the ``.mltrack`` of all other projects that use the cache, or did; raises
    WorkspaceError for a mark that cannot be read.
    """
    own = os.path.realpath(state_path)
    real = os.path.realpath(cache_path)
    found: dict[str, None] = {}
    above = os.path.dirname(real)
    # the project in whose directory it stands leaves no mark
    if os.path.basename(above) == _STATE_NAME:
        found[above] = None
    for name in sorted(names_in(os.path.join(real, DIRECTORY))):
        # of a process that was killed, or of one that has just begun to use the cache
        # and relies on nothing yet
        if is_temporary(name):
            continue
        place = os.path.join(real, DIRECTORY, name)
        try:
            data = read_bounded(place, _MAX_BYTES) or b""
        except (OSError, FormatError) as error:
            raise WorkspaceError(
                f"{place} cannot be read, so who uses the cache is not known: {error}"
            ) from error
        # it was anyone's: with an unknown user nothing may be deleted
        if XXH3.hex_of(data) != name:
            raise WorkspaceError(
                f"{place} is damaged, so who uses the cache is not known",
                hint=f"rm {place}",
            )
        found[os.fsdecode(data)] = None
    found.pop(own, None)
    return list(found)
