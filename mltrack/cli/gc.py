"""``mltrack gc``"""

from mltrack.cli.invocation import open_session, say
from mltrack.cli.options import DryRun, Json, command_app
from mltrack.cli.render import emit_json, plural, size_text
from mltrack.verbs import gc as verb


def gc(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Deletes from the cache what no commit, branch, stash, worktree, pointer, lock or young run refers to.

    Only objects older than gc.grace_days (14) go. If anything that might refer to data cannot be read, nothing goes.
    """
    result = verb.gc(open_session(), dry_run=dry_run)
    if as_json:
        emit_json({"objects": result.objects, "bytes": result.bytes, "records": result.records, "dry_run": dry_run})
        return
    word = "would free" if dry_run else "freed"
    say(f"{word} {size_text(result.bytes)}: {plural(result.objects, 'object')}, {plural(result.records, 'run record')}")


app = command_app(gc, "mltrack gc --dry-run", "mltrack gc")
