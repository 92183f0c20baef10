"""``mltrack hook``: called by git's hooks, never by a person."""

import sys
from collections.abc import Iterator

from mltrack.cli.invocation import current, tell
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import plural
from mltrack.errors import MltrackError
from mltrack.verbs import hook as verb
from mltrack.verbs.checkout import CheckoutResult
from mltrack.verbs.status import MODIFIED

# names: the person asked git for something, and not us
_SHOWN = 5
_CHANGED = "{0} changed since it was recorded; `mltrack add {0}` records it"
_OUTDATED = "{0} is not the version that its pointer says; `mltrack checkout {0}` brings that one"
_MARKED = "{0}: git's conflict markers are in it, and it was not committed; `mltrack resolve {0}` settles it"


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
        hint = (
            f" (hint: {refused.hint})"
            if isinstance(refused, MltrackError) and refused.hint
            else ""
        )
        yield f"{name}: {refused}{hint}"
    yield from (error.message for error in result.unreadable)
    for checkout in result.checkouts:
        yield from _followed(checkout)
    yield from map(_MARKED.format, result.conflicts)
    for item in result.unsaved:
        yield (_CHANGED if item.state == MODIFIED else _OUTDATED).format(item.path)
    for remote, objects in result.sent.items():
        if objects:
            yield f"pushed {plural(objects, 'object')} to {remote}"


def _followed(checkout: CheckoutResult) -> Iterator[str]:
    """What a checkout made of tracked data, for somebody who asked git and not us."""
    for done in checkout.done:
        if done.written or done.removed:
            yield f"{done.path}: {done.written} written, {done.removed} removed"
    for done in checkout.done:
        if done.kept:
            yield f"{done.path}: left with changes of your own: {', '.join(done.kept[:_SHOWN])}"
    for path, error in checkout.failed:
        message = error.message if path in error.message else f"{path}: {error.message}"
        yield message + (f"\n  hint: {error.hint}" if error.hint else "")
