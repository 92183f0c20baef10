"""What stands at paths of this machine that lie in no project, as dependencies of
stages: by its bytes, with stamps that were seen before believed as elsewhere, or by its
stamps alone.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from mltrack.errors import MltrackError, PipelineError
from mltrack.objects.content import STAMP, Content
from mltrack.objects.digest import XXH3, Algorithm
from mltrack.workspace import stat_index
from mltrack.workspace.ignore import KeepAll
from mltrack.workspace.ingest import Following
from mltrack.workspace.scan import Links, Look, scan


class Outside:
    """Looks at paths outside of the project at ``project_path``; what was learned is
    kept below ``index_path``.
    """

    def __init__(
        self, project_path: str, index_path: str, algorithm: Algorithm, links: Links
    ) -> None:
        self._top = os.path.realpath(project_path)
        self._index_path = index_path
        self._algorithm = algorithm
        self._links = links

    def content(self, path: str, name: str, *, by_stamp: bool) -> Content | None:
        """Returns what stands at an absolute path, links followed; None if nothing
        does. Raises PipelineError, in which it is called ``name``, for what is no
        dependency: a part of the project, a pipe, the whole machine.
        """
        real = os.path.realpath(path)
        if os.path.commonpath((real, self._top)) in (real, self._top):
            inside = os.path.relpath(real, self._top)
            raise PipelineError(
                f"the dependency {name!r} overlaps the project",
                hint=f"name it as the project has it: {inside}",
            )
        if not os.path.exists(real):
            return None
        try:
            return self._stamps(real) if by_stamp else self._bytes(real)
        except PipelineError:
            raise
        except MltrackError as error:
            raise PipelineError(
                f"the dependency {name!r}: {error.message}", hint=error.hint
            ) from None

    def _bytes(self, real: str) -> Content | None:
        place = os.path.join(
            self._index_path, "stat", XXH3.hex_of(b"o" + os.fsencode(real))
        )
        look = Look(
            Following(self._algorithm, real), KeepAll(), self._links, strict=False
        )
        known = stat_index.read(place, self._algorithm)
        snapshot = scan(os.path.dirname(real), os.path.basename(real), known, look)
        if snapshot is None:
            return None
        if snapshot.changed:
            # a full or read-only disk costs the next command a hash, nothing else
            with suppress(OSError):
                stat_index.write(place, snapshot.blocks, self._algorithm)
        return snapshot.content

    def _stamps(self, real: str) -> Content:
        lines, size = [], 0
        for name, path in _files(real):
            state = os.stat(path)
            size += state.st_size
            lines.append(b"%d %d %s" % (state.st_size, state.st_mtime_ns, name))
        digest = self._algorithm.hex_of(b"\0".join(lines))
        return Content(STAMP, digest, size, len(lines))


def _files(real: str) -> Iterator[tuple[bytes, bytes]]:
    """Yields the files at and below a path in a fixed order: name below it, and path."""
    top = os.fsencode(real)
    if not os.path.isdir(top):
        yield b"", top
        return
    for directory, names, files in os.walk(top):
        names.sort()
        for file in sorted(files):
            path = os.path.join(directory, file)
            # a link that leads nowhere has no stamps that a command could read
            if os.path.exists(path):
                yield os.path.relpath(path, top), path
