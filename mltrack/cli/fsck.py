"""``mltrack fsck``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say, tell
from mltrack.cli.options import Json, RemoteName, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, plural
from mltrack.verbs import fsck as verb

EXIT_ABSENT, EXIT_DAMAGED = 1, 7
# lines; --json has all of them
MAX_SHOWN = 50


def fsck(
    remote: RemoteName = "",
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Set damaged bytes aside and fetch whole copies.",
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Reads every object of the cache, or of a remote, and compares it with its digest.

    Ends with exit code 7 if anything is damaged and stays so, and with 1 if anything
    that pointers, locks or run records refer to is absent. Repairs take bytes from the
    workspace, the cache and other remotes; damaged ones are moved to quarantine/, never
    just deleted.
    """
    with ProgressLine() as line:
        result = verb.fsck(
            open_session(),
            lambda done, total: line.update("objects", done, total),
            remote=remote,
            repair=repair,
        )
    if as_json:
        emit_json(
            {
                "place": result.place,
                "checked": result.checked,
                "clean": result.is_clean,
                "absent": sum(item.objects for item in result.absent),
                "lacking": [
                    {
                        "source": item.source,
                        "objects": item.objects,
                        "first": item.first,
                    }
                    for item in result.absent
                ],
                "problems": [
                    {"state": item.state, "subject": item.subject, "place": item.place}
                    for item in result.problems
                ],
            }
        )
        return _code(result)
    for item in result.problems[:MAX_SHOWN]:
        say(f"{item.state:<9} {item.subject}  {item.place}")
    if len(result.problems) > MAX_SHOWN:
        say(f"and {len(result.problems) - MAX_SHOWN} more")
    for lacking in result.absent[:MAX_SHOWN]:
        say(
            f"absent    {lacking.source}  ({plural(lacking.objects, 'object')}, first "
            f"{lacking.first})"
        )
    if len(result.absent) > MAX_SHOWN:
        say(f"and {len(result.absent) - MAX_SHOWN} more")
    say(f"{result.place}: {plural(result.checked, 'object')} read, {_verdict(result)}")
    if result.absent:
        hint = f"mltrack push --remote {remote}" if remote else "mltrack fetch"
        tell(f"What is absent is referred to, and is not there.\nhint: {hint}")
    if not result.is_whole:
        tell(_way_on(remote, repair=repair))
    return _code(result)


def _way_on(remote: str, *, repair: bool) -> str:
    """What to do about damage."""
    if not repair:
        return "hint: mltrack fsck --repair" + (f" --remote {remote}" if remote else "")
    # what --repair could not mend once, it cannot mend now
    if remote:
        return (
            "No whole copy was at hand.\n"
            f"hint: mltrack push --remote {remote}, in a clone that has the data"
        )
    return (
        "No whole copy was at hand: what is damaged counts as absent now.\n"
        "hint: mltrack fetch; or `mltrack add` where the workspace still has the data"
    )


def _code(result: verb.FsckResult) -> int:
    # damage weighs more than what is absent
    return EXIT_DAMAGED if not result.is_whole else EXIT_ABSENT if result.absent else 0


def _verdict(result: verb.FsckResult) -> str:
    repaired = sum(1 for item in result.problems if item.state == verb.REPAIRED)
    unread = sum(1 for item in result.problems if item.state == verb.UNREAD)
    damaged = len(result.problems) - repaired - unread
    words = [f"{damaged} damaged" if damaged else "all whole"] + (
        [f"{repaired} repaired"] if repaired else []
    )
    words += [f"{unread} of its indexes not readable by this version"] if unread else []
    absent = sum(item.objects for item in result.absent)
    words += [f"{absent:,} absent"] if absent else []
    return ", ".join(words)


app = command_app(fsck, "mltrack fsck", "mltrack fsck --remote store --repair")
