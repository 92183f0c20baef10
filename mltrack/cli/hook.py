"""``mltrack hook``: called by git's hooks, never by a person."""

import sys
from collections.abc import Iterator, Sequence

from mltrack.cli.followed import followed, kept, not_here
from mltrack.cli.invocation import current, tell
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import listed, plural
from mltrack.cli.system_words import hint_for, words_of
from mltrack.errors import MltrackError
from mltrack.verbs import hook as verb
from mltrack.verbs.checkout import CheckoutResult
from mltrack.verbs.status import MODIFIED

# of equal notes that are told one by one
_FEW = 3
_CHANGED = (
    "{} changed since it was recorded; `mltrack add {}` records it",
    "{} changed since they were recorded; `mltrack add` with them records them",
)
_OUTDATED = (
    "{} is not the version that its pointer says; `mltrack checkout {}` brings that one",
    "{} are not the versions that their pointers say; `mltrack checkout` brings those",
)
_MARKED = (
    "{}: git's conflict markers are in it, and it was not committed; "
    "`mltrack resolve {}` settles it",
    "{}: git's conflict markers are in them, and they were not committed; "
    "`mltrack resolve` settles them",
)
_UNIGNORED = (
    "{} is tracked and git does not ignore it; `mltrack add {}` adds its ignore line",
    "{} are tracked and git does not ignore them; `mltrack add` with them does that",
)


def run(arguments: list[str]) -> int:
    """Runs one hook; returns 0, except where git must not go on."""
    if not arguments:
        tell("usage: mltrack hook NAME [ARGS]...")
        return 2
    name, *given = arguments
    with ProgressLine() as line:
        # handed on unread: a hook that git gives nothing would wait for the terminal
        result = verb.run(name, given, sys.stdin.read, current.directory, line.event)
    for text in _words(name, result):
        tell(f"mltrack: {text}")
    return 1 if result.stops_git else 0


def _words(name: str, result: verb.HookResult) -> Iterator[str]:
    """What a hook has to say, line by line."""
    for refused in result.refused:
        text, hint = (
            (refused.message, refused.hint)
            if isinstance(refused, MltrackError)
            else (words_of(refused), hint_for(refused))
        )
        yield f"{name}: {text}" + (f" (hint: {hint})" if hint else "")
    yield from (error.message for error in result.unreadable)
    for checkout in result.checkouts:
        yield from _followed(checkout)
    yield from _each(_MARKED, result.conflicts)
    changed = [item.path for item in result.unsaved if item.state == MODIFIED]
    outdated = [item.path for item in result.unsaved if item.state != MODIFIED]
    yield from _each(_CHANGED, changed)
    yield from _each(_OUTDATED, outdated)
    yield from _each(_UNIGNORED, result.unignored)
    for remote, objects in result.sent.items():
        if objects:
            yield f"pushed {plural(objects, 'object')} to {remote}"


def _each(words: tuple[str, str], paths: Sequence[str]) -> Iterator[str]:
    """A note on each of a few paths, or one on all of them."""
    if len(paths) <= _FEW:
        yield from (words[0].format(path, path) for path in paths)
    else:
        yield words[1].format(listed(paths))


def _followed(checkout: CheckoutResult) -> Iterator[str]:
    """What a checkout made of tracked data, for somebody who asked git and not us."""
    yield from followed(checkout)
    yield from kept(checkout)
    if checkout.not_here:
        yield not_here(checkout)
    for path, error in checkout.failed:
        if path in checkout.not_here:
            continue
        message = error.message if path in error.message else f"{path}: {error.message}"
        yield message + (f"\n  hint: {error.hint}" if error.hint else "")
