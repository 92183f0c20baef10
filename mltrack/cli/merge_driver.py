"""``mltrack merge-driver``: called by git for pointers and locks; 1 tells git that
there is a conflict.
"""

from mltrack import project as projects
from mltrack.cli.invocation import current, tell
from mltrack.errors import MltrackError
from mltrack.verbs import merge as verb


def run(arguments: list[str]) -> int:
    """Merges one file: ``KIND BASE OURS THEIRS PATH``, as git's ``%O %A %B %P``."""
    if len(arguments) != 5:
        tell("usage: mltrack merge-driver KIND BASE OURS THEIRS PATH")
        return 2
    _, base, ours, theirs, path = arguments
    try:
        project = projects.find_for(current.directory, path)
        result = verb.drive(project, project.relative_to_top(path), base, ours, theirs)
    except (MltrackError, OSError) as error:
        # told here: git knows only whether there is a conflict
        hint = (
            f" (hint: {error.hint})"
            if isinstance(error, MltrackError) and error.hint
            else ""
        )
        tell(f"mltrack: {path}: {error}{hint}; then: mltrack resolve {path}")
        return 1
    for name in result.conflicts:
        tell(f"mltrack: both sides changed {name}")
    if result.conflicts:
        tell(f"mltrack: hint: mltrack resolve --ours {path}  (or --theirs)")
    for stage in result.dropped:
        tell(f"mltrack: both sides ran stage {stage}: `mltrack repro` decides it again")
    if result.stage:
        tell(
            f"mltrack: {path}: kept ours; `mltrack repro {result.stage}` will write a "
            "new one"
        )
    return 1 if result.conflicts else 0
