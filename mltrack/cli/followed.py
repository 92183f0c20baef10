"""What a checkout did, in a line where it did much: one per path only where they are few
or the person asked for more.
"""

from collections.abc import Iterator

from mltrack.cli.invocation import current
from mltrack.cli.render import listed, plural, size_text
from mltrack.verbs.checkout import CheckedOut, CheckoutResult

_FEW = 3


def followed(result: CheckoutResult, *, dry_run: bool = False) -> Iterator[str]:
    """Yields what became of the files of the workspace, and what is not here; nothing
    where nothing changed.
    """
    changed = [done for done in result.done if done.written or done.removed]
    if changed and (len(changed) <= _FEW or current.verbosity > 0):
        yield from (_of_one(done, dry_run=dry_run) for done in changed)
    elif changed:
        verb = "would follow" if dry_run else "follow"
        yield f"{plural(len(changed), 'path')} {verb}: {_counts(changed)}"


def kept(result: CheckoutResult) -> Iterator[str]:
    """Yields what was left as it is, since only the workspace has it."""
    for done in result.done:
        if done.kept:
            names = listed(done.kept, most=5)
            yield f"{done.path}: left with changes of your own: {names}"


def _of_one(done: CheckedOut, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    parts = []
    if done.written:
        parts.append(f"{plural(done.written, 'file')} {would}written")
    if done.removed:
        parts.append(f"{done.removed:,} {would}removed")
    return f"{done.path}: {', '.join(parts)}"


def _counts(changed: list[CheckedOut]) -> str:
    written = sum(done.written for done in changed)
    removed = sum(done.removed for done in changed)
    parts = [f"{plural(written, 'file')} written"] if written else []
    parts += [f"{removed:,} removed"] if removed else []
    return ", ".join(parts)


def not_here(result: CheckoutResult) -> str:
    """Returns how many paths the cache lacks something of, and what to do; '' for
    none.
    """
    if not result.not_here:
        return ""
    size = size_text(sum(result.not_here.values()))
    names = listed(tuple(result.not_here), most=_FEW)
    return f"not here: {names} ({size}); `mltrack pull` brings it"
