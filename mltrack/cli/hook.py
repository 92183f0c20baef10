"""``mltrack hook``: called by git's hooks, never by a person."""

import sys

from mltrack.cli.invocation import current, tell
from mltrack.cli.progress import ProgressLine
from mltrack.verbs import hook as verb


def run(arguments: list[str]) -> int:
    """Runs one hook; returns 0, except where a push must not go on."""
    if not arguments:
        tell("usage: mltrack hook NAME [ARGS]...")
        return 2
    name, *given = arguments
    with ProgressLine() as line:
        result = verb.run(name, given, sys.stdin.read, current.directory, line.event)
    for text in result.lines:
        tell(f"mltrack: {text}")
    return 0 if result.ok else 1
