"""``mltrack logs``"""

import time
from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say_bytes, tell
from mltrack.cli.options import Json, command_app
from mltrack.cli.render import emit_json, table
from mltrack.errors import UsageError
from mltrack.verbs import logs as verb
from mltrack.verbs.session import Session

# seconds between two looks at the log
_LOOK_SECONDS = 0.2


def logs(
    stage: Annotated[
        str, typer.Argument(metavar="STAGE", help="The stage whose output to show.")
    ],
    number: Annotated[
        int,
        typer.Option(
            "--run", min=1, help="Which run, counted back from the last one, 1."
        ),
    ] = 1,
    list_all: Annotated[
        bool, typer.Option("--list", "-l", help="List the runs whose output is kept.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on while the command runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Shows what a stage's commands printed: in the run that is under way, or in the
    last one, failed or not.
    """
    session = open_session()
    found = verb.logs(session, stage)
    # to a program no logs are an answer, to a person an error
    if as_json:
        emit_json({"logs": [log._asdict() for log in found]})
        return
    if not found:
        raise UsageError(
            f"no output of {stage!r} is kept: it has not run here",
            hint=f"mltrack repro {stage}",
        )
    if list_all:
        rows = [
            (str(at), _moment(log.started), log.state, _code(log))
            for at, log in enumerate(found, 1)
        ]
        table(("run", "started", "state", "exit code"), rows)
        return
    if number > len(found):
        raise UsageError(
            f"there are {len(found)} runs of {stage!r} whose output is kept",
            hint=f"mltrack logs {stage} --list",
        )
    log = verb.chosen(found, number)
    tell(f"{log.stage}: {log.state}, started {_moment(log.started)}")
    _print(session, log, follow=follow)


def _print(session: Session, log: verb.Log, *, follow: bool) -> None:
    offset = 0
    while True:
        # asked before the log is read: what a command prints last is not missed
        goes_on = follow and verb.is_running(session, log)
        for data in verb.pieces(session, log, offset):
            offset += len(data)
            say_bytes(data)
        if not goes_on:
            return
        time.sleep(_LOOK_SECONDS)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _code(log: verb.Log) -> str:
    return "" if log.exit_code is None else str(log.exit_code)


app = command_app(
    logs, "mltrack logs train", "mltrack logs train --list", "mltrack logs train -f"
)
