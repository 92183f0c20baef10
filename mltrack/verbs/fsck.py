"""``fsck``: reads every object of the cache or of a remote, and repairs what can be had whole from elsewhere."""

import os
from contextlib import suppress
from dataclasses import dataclass

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.errors import IntegrityError, MltrackError, RemoteError
from mltrack.objects.content import TREE, Content
from mltrack.store import fsck as checker
from mltrack.store.cache_writer import CacheWriter
from mltrack.store.fetch import fetch_objects
from mltrack.store.fsck import Report
from mltrack.store.remote import Remote
from mltrack.store.remote_repair import repair as repair_remote
from mltrack.verbs.session import Session
from mltrack.workspace.ingest import Saving

DAMAGED, MISSING, REPAIRED = "damaged", "missing", "repaired"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its state, the digest or file, and where it lies."""

    state: str
    subject: str
    place: str


@dataclass(frozen=True, slots=True)
class FsckResult:
    """How many objects were read, what is or was wrong, and how many referred-to objects are not here, which is no
    fault as long as a remote has them."""

    place: str
    checked: int
    problems: tuple[Problem, ...]
    absent: int = 0
    leftovers: int = 0

    @property
    def is_clean(self) -> bool:
        return all(problem.state == REPAIRED for problem in self.problems)


def fsck(session: Session, report: Report, *, remote: str = "", repair: bool = False) -> FsckResult:
    """Checks the cache, or with ``remote`` that one. Reads only, unless it is to repair: then damaged bytes are set
    aside and had anew from the workspace, the cache or a remote."""
    if remote:
        return _fsck_remote(session, report, remote, repair=repair)
    project = session.project
    cache = project.cache
    found, places = checker.check_cache(cache, report)
    leftovers = remove_stale_temporaries(cache.tmp_path) if repair else 0
    if repair:
        for hex_digest, place in places:
            with suppress(IntegrityError):
                cache.quarantine(hex_digest, place)
        for path in found.files:
            with suppress(FileNotFoundError):
                os.unlink(path.removesuffix(".pack") + ".idx")  # the pack carries another
        cache.reload()
        _refill(session, set(found.damaged), exclude="")
    still = cache.missing(found.damaged) if repair else set(found.damaged)
    text = project.algorithm.text
    problems = [
        Problem(DAMAGED if hex_digest in still else REPAIRED, text(hex_digest), path)
        for hex_digest, path in sorted(found.damaged.items())
    ]
    problems += [Problem(REPAIRED if repair else DAMAGED, why, path) for path, why in sorted(found.files.items())]
    absent: set[str] = set()
    for target in session.view.targets().values():
        absent |= _absent(session, target.content)
    return FsckResult(cache.path, found.checked, tuple(problems), len(absent - still), leftovers)


def _absent(session: Session, content: Content) -> set[str]:
    cache = session.project.cache
    if content.kind != TREE:
        return cache.missing([content.hex])
    with suppress(IntegrityError):
        return cache.missing_below(content.hex)
    return {content.hex}


def _refill(session: Session, wanted: set[str], *, exclude: str) -> None:
    """Gets objects into the cache that it lacks: from the workspace, then from remotes."""
    project = session.project
    cache = project.cache
    if not cache.missing(wanted):
        return
    with cache.in_use():
        with CacheWriter(cache) as writer:
            for path in session.view.targets():
                with suppress(MltrackError):  # what cannot be read there cannot help
                    session.observer.tracked(path, Saving(writer, project.algorithm))
            writer.finish()
        for remote in _others(session, exclude):
            rest = cache.missing(wanted)
            if rest:
                with suppress(IntegrityError, RemoteError):
                    fetch_objects(cache, [remote], rest, lambda event: None)


def _others(session: Session, exclude: str) -> list[Remote]:
    opened = []
    for name in sorted(session.project.settings.remotes()):
        if name != exclude:
            with suppress(RemoteError):
                remote = session.project.remote(name)
                remote.open()
                opened.append(remote)
    return opened


def _fsck_remote(session: Session, report: Report, name: str, *, repair: bool) -> FsckResult:
    project = session.project
    remote = project.remote(name)
    remote.open()
    os.makedirs(project.cache.tmp_path, exist_ok=True)
    found = checker.check_remote(remote, project.cache, report)
    lost = set(found.damaged)
    if (repair and not found.is_clean) or (repair and found.indexes):
        if not remote.store.abilities.writable:
            raise RemoteError(f"{remote.url} can only be read", hint="repair it where it is written")
        _refill(session, set(found.damaged), exclude=name)
        lost = repair_remote(remote, project.cache, found)
    text = project.algorithm.text
    problems = [
        Problem(DAMAGED if hex_digest in lost else REPAIRED, text(hex_digest), f"{remote.url}/{place}")
        for hex_digest, place in sorted(found.damaged.items())
    ]
    state = REPAIRED if repair else DAMAGED
    problems += [Problem(state, why, f"{remote.url}/{place}") for place, why in sorted(found.files.items())]
    problems += [Problem(state, why, f"{remote.url}/index/{index}.idx") for index, why in sorted(found.indexes.items())]
    whole = {row.raw for rows in found.whole.values() for row in rows}
    absent = set()
    for target in session.view.targets().values():
        if target.push:
            hexes = {target.content.hex}
            with suppress(MltrackError):
                if target.content.kind == TREE:
                    hexes |= {entry.hex for _, entry in project.cache.leaves_below(target.content.hex)}
            absent |= {item for item in hexes if bytes.fromhex(item) not in whole} - set(found.damaged)
    return FsckResult(remote.url, found.checked, tuple(problems), len(absent))
