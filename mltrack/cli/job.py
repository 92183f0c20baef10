"""``mltrack job``"""

from dataclasses import asdict
from typing import Annotated

import typer

from mltrack import project as projects
from mltrack.cli.invocation import announce, current, say_bytes, tell
from mltrack.cli.last_values import LastValues
from mltrack.cli.options import Json, add_command, new_app
from mltrack.cli.render import age_text, emit_json, table
from mltrack.cli.screen import screen
from mltrack.errors import StageFailedError
from mltrack.runners.job import State
from mltrack.verbs.job import UNKNOWN, Jobs

Name = Annotated[
    str,
    typer.Argument(metavar="JOB", help="A stage, or the first digits of a job's id."),
]


def list_(
    show_all: Annotated[
        bool,
        typer.Option(
            "--all", "-a", help="Of all projects, and those whose results were taken."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Lists the jobs on hosts whose results have not been taken yet: under way, or
    ended.
    """
    with Jobs(projects.find(current.directory)) as jobs:
        found = jobs.all(of_all_projects=show_all)
    if as_json:
        emit_json({"jobs": [{"id": job.id, **asdict(job)} for job in found]})
        return
    if not found:
        tell("There are no jobs.\nhint: mltrack repro --detach")
        return
    rows = [
        (
            job.id,
            job.label,
            # where both have one name, it is said once
            job.runner if job.runner == job.host else f"{job.runner} ({job.host})",
            ",".join(job.gpus),
            job.state + (", taken" if job.is_taken else ""),
            age_text(job.age),
        )
        for job in found
    ]
    table(("id", "stage", "runner", "gpu", "state", "age"), rows)
    # once, however many jobs are on a host that does not answer
    for problem in dict.fromkeys(job.problem for job in found if job.problem):
        tell(f"warning: {problem}")


def logs(
    name: Name,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job ends.")
    ] = False,
) -> None:
    """Shows what a job has printed so far."""
    with Jobs(projects.find(current.directory)) as jobs:
        job = jobs.find(name)
        tell(f"{job.label} on {job.host}: {job.state}")
        for data, _ in jobs.follow(job, to_the_end=follow):
            say_bytes(data)


def attach(name: Name) -> None:
    """Follows a job to its end, and ends as it did; shows the last values that it logs.
    Ctrl-C leaves it running; the next repro takes its result.
    """
    with Jobs(projects.find(current.directory)) as jobs:
        job = jobs.find(name)
        state, shown = job.state, LastValues()
        values: dict[str, float] = {}
        try:
            for data, state in jobs.follow(job, to_the_end=True):
                screen.clear()
                say_bytes(data)
                if not State(state).is_over:
                    values = jobs.values(job) or values
                    shown.show(values)
            shown.end(values)
        except KeyboardInterrupt:
            shown.end(values)
            tell(f"\n{job.label} is still running on {job.host}")
            raise
    if state != State.DONE.value:
        raise StageFailedError(
            f"{job.label} on {job.host}: {state}",
            hint="`mltrack repro` says why, and what follows from it",
        )
    announce(f"{job.label}: done; `mltrack repro` takes its result")


def cancel(
    names: Annotated[
        list[str],
        typer.Argument(metavar="JOB...", help="Stages, or the first digits of ids."),
    ],
) -> None:
    """Ends jobs with all that they started; one that has ended is dropped from the
    list. A checkpoint that was saved stays for the next attempt.
    """
    with Jobs(projects.find(current.directory)) as jobs:
        # named by its stage and by its id it is one job
        for job in {
            job.token: job for name in names for job in jobs.find_all(name)
        }.values():
            state = jobs.cancel(job)
            if state == UNKNOWN:
                announce(
                    f"{job.label}: cannot reach {job.host}; gave up on the job, which "
                    "may still be running there"
                )
            else:
                announce(f"{job.label}: {state}")


app = new_app(
    help="Shows and ends what was handed over to hosts.", no_args_is_help=True
)
add_command(app, list_, "mltrack job list", "mltrack job list --all", name="list")
add_command(app, logs, "mltrack job logs train", "mltrack job logs -f 3fa2")
add_command(app, attach, "mltrack job attach train")
add_command(app, cancel, "mltrack job cancel train", "mltrack job cancel 3fa2 91bc")
