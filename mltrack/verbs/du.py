"""``du``: how much tracked data there is, and how much of it lies in the cache."""

import os
from contextlib import suppress
from dataclasses import dataclass

from mltrack.verbs.session import Session


@dataclass(frozen=True, slots=True)
class Usage:
    """One target: its size and files as recorded, and the bytes of it that are in the
    cache, each object once.
    """

    path: str
    size: int
    files: int
    cached: int


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """The cache on the disk, in bytes: objects that are files of their own, packs, run
    records, damaged objects. ``experiments`` is what running those keeps beside it.
    """

    path: str
    loose: int
    packs: int
    runs: int
    quarantine: int
    experiments: int = 0

    @property
    def total(self) -> int:
        return self.loose + self.packs + self.runs + self.quarantine


def du(session: Session, arguments: list[str], *, revision: str = "") -> list[Usage]:
    """Returns the usage of targets, at a revision or as recorded in the workspace."""
    cache = session.project.cache
    found = []
    for target in session.select(arguments, session.at(revision).view):
        content = target.content
        sizes = cache.files_below(content)
        lacking = cache.missing(sizes)
        cached = sum(
            size for hex_digest, size in sizes.items() if hex_digest not in lacking
        )
        found.append(Usage(target.path, content.size, content.files, cached))
    return found


def cache_usage(session: Session) -> CacheUsage:
    """Returns how much the cache takes on the disk."""
    cache = session.project.cache
    parts = (
        os.path.join(cache.path, "loose"),
        cache.packs_path,
        os.path.join(cache.path, "runs"),
        cache.quarantine_path,
        session.project.experiments_path,
    )
    return CacheUsage(cache.path, *(_bytes_below(part) for part in parts))


def _bytes_below(path: str) -> int:
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            # a temporary file of a command that is at work
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(directory, name)).st_size
    return total
