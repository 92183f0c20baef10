"""What a kind that fsspec speaks says of itself: the options of its file system, and
how its calls differ from the others'.

Whatever is not set for a remote is left to the vendor's own usual places: profile
files, environment, instance roles.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# seconds: that a host cannot be reached is said within about so many
CONNECT_SECONDS = 10
IDLE_SECONDS = 60
"""So long may nothing arrive before a request counts as lost; not a limit for the
whole.
"""
PART_BYTES = 5 << 20
"""The least that S3 takes as a part; what is in memory at once is a small multiple of
this times `jobs`.
"""


CREATE = {"mode": "create"}
"""How most file systems are told that nothing may be overwritten."""


def no_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a file system gets that has nothing to be set."""
    return {}


class Manner(NamedTuple):
    """What differs between kinds beside their options.

    ``sending`` are arguments of ``put_file``, ``concurrency`` that one which says how
    many parts are under way at once; ``reading`` those of ``cat_file`` for small
    things; ``replacing`` let ``put_file`` and ``pipe_file`` overwrite, ``creating``
    forbid it.
    """

    options: Callable[[Mapping[str, Any]], dict[str, Any]] = no_options
    sending: dict[str, Any] = {}  # noqa: RUF012 - never changed
    concurrency: str = ""
    replacing: dict[str, Any] = {}  # noqa: RUF012
    creating: dict[str, Any] = CREATE
    reading: dict[str, Any] = {}  # noqa: RUF012
    writable: bool = True


def seconds(given: Mapping[str, Any]) -> int:
    """Returns after how many seconds of silence a request counts as lost."""
    return int(given.get("timeout") or IDLE_SECONDS)


def named(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Returns the settings that are set, under the names that the file system has for
    them.
    """
    return {theirs: given[ours] for ours, theirs in names.items() if given.get(ours)}
