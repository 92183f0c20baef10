"""What a fetch or pull could not have, by path, and how it is told: everything else was
brought.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mltrack.engine.view import Target
from mltrack.errors import PartlyDoneError
from mltrack.objects.content import TREE
from mltrack.objects.tree import DIRECTORY
from mltrack.store.local.cache import Cache
from mltrack.verbs.session import Session
from mltrack.workspace.checkout import MAX_NAMED


@dataclass(frozen=True, slots=True)
class Unavailable:
    """What could not be had of one target: how many files and listings, the first of
    them by path, and why.
    """

    target: str
    count: int
    paths: tuple[str, ...]
    why: str


def raise_unavailable(unavailable: tuple[Unavailable, ...]) -> None:
    """Raises PartlyDoneError that names what could not be had; nothing if that is
    nothing.
    """
    if not unavailable:
        return
    lines = []
    for item in unavailable:
        rest = (
            f" and {item.count - len(item.paths)} more"
            if item.count > len(item.paths)
            else ""
        )
        lines.append(f"  {', '.join(item.paths)}{rest}: {item.why}")
    raise PartlyDoneError(
        "not everything could be had:\n" + "\n".join(lines),
        hint=(
            "`mltrack push` from the clone that has it; what a stage writes, `mltrack "
            "repro` makes"
        ),
    )


def unavailable(
    session: Session, targets: list[Target], problem: str
) -> tuple[Unavailable, ...]:
    """What the cache still lacks of some targets after a fetch, by path."""
    found: dict[str, Unavailable] = {}
    cache = session.project.cache
    for target in targets:
        if cache.holds(target.content) or session.left.has(target.content):
            continue
        why = "it is never pushed (push: false)" if not target.push else problem
        lacking = list(_lacking_paths(cache, target))
        found.setdefault(
            target.path,
            Unavailable(target.path, len(lacking), tuple(lacking[:MAX_NAMED]), why),
        )
    return tuple(found.values())


def _lacking_paths(cache: Cache, target: Target) -> Iterator[str]:
    """The paths of files and directories of a target whose objects or listings are not
    in the cache.
    """
    if target.content.kind != TREE:
        yield target.path
        return
    files: dict[str, list[str]] = {}
    pending = [(target.path, target.content.hex)]
    while pending:
        path, hex_digest = pending.pop()
        if not cache.has(hex_digest):
            # without the listing nobody knows what is below
            yield path + "/"
            continue
        for entry in cache.read_tree(hex_digest):
            inner = f"{path}/{os.fsdecode(entry.name)}"
            if entry.kind == DIRECTORY:
                pending.append((inner, entry.hex))
            else:
                # equal files are one object: it may lack at several paths
                files.setdefault(entry.hex, []).append(inner)
    lacking = cache.missing(files)
    yield from sorted(path for hex_digest in lacking for path in files[hex_digest])
