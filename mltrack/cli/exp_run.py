"""``mltrack exp run|start|stop|cancel|resume|status``"""

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Annotated

import typer

from mltrack.cli import completing
from mltrack.cli.exp_lines import (
    ExpLines,
    emit_happening,
    experiment_json,
    metrics_text,
)
from mltrack.cli.invocation import announce, current, open_session, say, tell
from mltrack.cli.options import Json, Paths
from mltrack.cli.render import emit_json, plural, table
from mltrack.errors import StageFailedError, UsageError
from mltrack.experiments import keeping, running, sweep
from mltrack.experiments.fleet import CANCELLED, Ended, Happening
from mltrack.experiments.preview import Preview, preview
from mltrack.experiments.record import Experiment, State
from mltrack.experiments.running import Runs
from mltrack.experiments.search import Goal, Search, Searching, goal_of
from mltrack.experiments.shelf import Ask, Shelf
from mltrack.experiments.wanted import Wanted, experiments

_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-S",
        metavar="[FILE:]KEY=VALUE",
        help="A param, or a sweep over one: a,b or range(..).",
    ),
]
_Random = Annotated[
    int, typer.Option("--random", metavar="N", min=0, help="Draw N combinations.")
]
_Seed = Annotated[int, typer.Option("--seed", help="The same seed draws the same.")]
_Params = Annotated[
    str,
    typer.Option(
        "--params", metavar="FILE", help="One experiment for each set of params in it."
    ),
]
_Sampler = Annotated[
    str,
    typer.Option(
        "--sampler", metavar="NAME", help="Who proposes params: optuna; see --trials."
    ),
]
_Trials = Annotated[
    int, typer.Option("--trials", metavar="N", min=1, help="How many it proposes.")
]
_Minimize = Annotated[
    str,
    typer.Option("--minimize", metavar="[FILE:]METRIC", help="What is to be small."),
]
_Maximize = Annotated[
    str,
    typer.Option("--maximize", metavar="[FILE:]METRIC", help="What is to be large."),
]
_Study = Annotated[
    str,
    typer.Option("--study", metavar="NAME", help="A search to go on with, by name."),
]
_From = Annotated[
    str, typer.Option("--from", metavar="EXP", help="Start from an experiment.")
]
_Name = Annotated[str, typer.Option("--name", "-n", help="Its name; one is made else.")]
_Note = Annotated[str, typer.Option("--note", help="A line about it.")]
_Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="A word to find it by; repeatable.")
]
_Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="How many stages run at once, of all."),
]
_Runner = Annotated[
    str,
    typer.Option(
        "--runner",
        metavar="NAME",
        help="Where stages run, whatever they say.",
        autocompletion=completing.runners,
    ),
]
_Pull = Annotated[
    bool, typer.Option("--pull", help="Fetch the inputs that are not here.")
]
_Detach = Annotated[
    bool,
    typer.Option("--detach", help="Start jobs and leave; `exp start` takes results."),
]
_NoRunCache = Annotated[
    bool, typer.Option("--no-run-cache", help="Take no earlier results.")
]
_Queue = Annotated[
    bool, typer.Option("--queue", help="Only note them; `exp start` runs them.")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXP]...", help="Experiments, by name; all by default."),
]
SomeNames = Annotated[
    list[str], typer.Argument(metavar="EXP...", help="Experiments, by name.")
]


def run(
    targets: Paths = None,
    given: _Set = None,
    random: _Random = 0,
    seed: _Seed = 0,
    params: _Params = "",
    sampler: _Sampler = "",
    trials: _Trials = 20,
    minimize: _Minimize = "",
    maximize: _Maximize = "",
    study: _Study = "",
    source: _From = "",
    name: _Name = "",
    note: _Note = "",
    tags: _Tags = None,
    queue: _Queue = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    jobs: _Jobs = 0,
    runner: _Runner = "",
    pull: _Pull = False,
    detach: _Detach = False,
    no_run_cache: _NoRunCache = False,
    as_json: Json = False,
) -> None:
    """Runs the pipeline with other params, as experiments: each on HEAD with what the
    workspace holds changed, none of them in the workspace.

    Values may be sweeps: lr=0.1,0.01 or depth=range(2,12,2); several sweeps cross, and
    --random draws from them, also from uniform(a,b), loguniform(a,b), randint(a,b).
    """
    session = open_session()
    shelf = Shelf(session.project)
    wanted = Wanted(
        tuple(targets or ()),
        tuple(map(sweep.parse_axis, given or ())),
        random,
        seed,
        _sets(params) if params else (),
        source,
        name,
        note,
        tuple(tags or ()),
    )
    options = running.RunOptions(jobs, runner, pull, detach, not no_run_cache)
    runs = Runs(session, shelf, options)
    runs.check_data(source)
    if sampler:
        search_for = Search(wanted, _goal(sampler, minimize, maximize), trials, study)
        _search(runs, search_for, as_json=as_json)
        return
    chosen = experiments(session, shelf, wanted)
    runs.check(chosen)
    if dry_run:
        _show_preview(preview(runs, chosen), as_json=as_json)
        return
    shelf.add(chosen)
    show = _show_queued if queue else partial(_carry_out, runs)
    show(chosen, as_json=as_json)


def _goal(sampler: str, minimize: str, maximize: str) -> Goal:
    if sampler != "optuna":
        raise UsageError(f"there is no sampler {sampler!r}", hint="--sampler optuna")
    if bool(minimize) == bool(maximize):
        raise UsageError(
            "a sampler needs a goal: --minimize or --maximize, one of them",
            hint="--minimize metrics.json:loss",
        )
    return goal_of(minimize or maximize, minimize=bool(minimize))


def _search(runs: Runs, asked: Search, *, as_json: bool) -> None:
    lines = ExpLines(asked.trials, is_long=current.verbosity > 0)
    searching = Searching(runs, asked)
    ended = _follow(searching.events(), lines, as_json=as_json)
    done = [one for one in ended if asked.goal.value_of(one) is not None]
    if as_json:
        return
    announce(f"{plural(len(ended), 'trial')}, {len(done)} with {asked.goal.key}")
    found = searching.best()
    if found is not None:
        announce(f"best: {found.name} ({found.changes}): {metrics_text(found)}")


def _follow(
    events: Generator[Happening, None, None], lines: ExpLines, *, as_json: bool
) -> list[Experiment]:
    """Shows what happens; returns the experiments that have ended."""
    ended: list[Experiment] = []
    with closing(events) as happenings:
        for happening in happenings:
            if as_json:
                emit_happening(happening)
            else:
                lines.show(happening)
            if isinstance(happening, Ended):
                ended.append(happening.experiment)
    return ended


def _sets(path: str) -> tuple[dict[str, object], ...]:
    place = os.path.join(current.directory, path)
    try:
        with open(place, "rb") as file:
            return tuple(sweep.listed(file.read(), path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _show_preview(found: Preview, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "experiments": found.experiments,
                "run": found.run,
                "restore": found.restore,
                "shared": found.shared,
                "unchanged": found.unchanged,
                "stages": found.stages,
            }
        )
        return
    say(
        f"{plural(found.experiments, 'experiment')}: {plural(found.run, 'stage')} to "
        f"run, {found.restore} to restore, {found.shared} shared, "
        f"{found.unchanged} unchanged"
    )
    for stage, count in found.stages.items():
        say(f"  {stage}: {count} times" if count > 1 else f"  {stage}: once")


def _show_queued(chosen: Sequence[Experiment], *, as_json: bool) -> None:
    if as_json:
        emit_json({"experiments": [experiment_json(one) for one in chosen]})
        return
    for one in chosen[:20]:
        announce(f"queued {one.name}" + (f"  {one.changes}" if one.changes else ""))
    if len(chosen) > 20:
        announce(f"and {len(chosen) - 20} more")
    tell("Next: mltrack exp start")


def _carry_out(runs: Runs, chosen: Sequence[Experiment], *, as_json: bool) -> None:
    lines = ExpLines(len(chosen), is_long=current.verbosity > 0 or len(chosen) == 1)
    try:
        ended = _follow(runs.events(chosen), lines, as_json=as_json)
    except BaseException:
        # some have become commits since the last line
        waiting = {one.name for one in runs.shelf.waiting() if one.reason == ""}
        left = [one for one in chosen if one.name in waiting]
        if left:
            tell(
                f"{plural(len(left), 'experiment')} can go on: mltrack exp start",
                level=-1,
            )
        raise
    _sum_up(ended, len(chosen), as_json=as_json)


def _sum_up(ended: Sequence[Experiment], total: int, *, as_json: bool) -> None:
    over = [one for one in ended if one.state is State.FAILED]
    # somebody asked for the end of these
    failed = [one for one in over if one.reason != CANCELLED]
    done = [one for one in ended if one.state is State.DONE]
    if not as_json:
        parts = [
            (len(done), "done"),
            (len(failed), "failed"),
            (len(over) - len(failed), "cancelled"),
            (total - len(done) - len(over), "not finished"),
        ]
        shown = ", ".join(f"{count} {word}" for count, word in parts if count)
        announce(f"{plural(total, 'experiment')}: {shown}")
        if done:
            tell("Next: mltrack exp show")
    if failed:
        raise StageFailedError(
            f"{plural(len(failed), 'experiment')} failed, first {failed[0].name}",
            hint=f"mltrack exp logs {failed[0].name}",
        )


def start(
    chosen: Names = None,
    jobs: _Jobs = 0,
    runner: _Runner = "",
    pull: _Pull = False,
    detach: _Detach = False,
    no_run_cache: _NoRunCache = False,
    as_json: Json = False,
) -> None:
    """Runs what is queued, and what was stopped or whose process was killed; named ones
    also if they failed.
    """
    session = open_session()
    shelf = Shelf(session.project)
    found = running.startable(shelf, chosen or [])
    if not found:
        if as_json:
            return
        tell("Nothing is queued. hint: mltrack exp run --queue")
        return
    if any(one.reason for one in found):
        tell("They run with the code that they were made with; for other code: exp run")
    options = running.RunOptions(jobs, runner, pull, detach, not no_run_cache)
    _carry_out(Runs(session, shelf, options), found, as_json=as_json)


def resume(
    chosen: SomeNames,
    jobs: _Jobs = 0,
    runner: _Runner = "",
    pull: _Pull = False,
    detach: _Detach = False,
    as_json: Json = False,
) -> None:
    """Runs experiments again that were stopped or failed. What finished is kept, and a
    stage with a checkpoint continues from it.
    """
    start(chosen, jobs, runner, pull, detach, as_json=as_json)


def stop(chosen: Names = None) -> None:
    """Ends experiments that are under way, in whichever process; they can be started
    again, and go on from their checkpoints.
    """
    _ask(chosen, Ask.STOP)


def cancel(chosen: SomeNames) -> None:
    """Ends experiments for good: those under way fail, those that wait are taken out of
    the queue.
    """
    _ask(chosen, Ask.CANCEL)


def _ask(chosen: list[str] | None, what: Ask) -> None:
    became = keeping.ask(Shelf(open_session().project), chosen or [], what)
    for name, words in became.items():
        announce(f"{name}: {words}")
    if not became:
        tell("No experiment is under way.")


def status(as_json: Json = False) -> None:
    """Shows the experiments that are not done: queued, under way, stopped, failed."""
    found = Shelf(open_session().project).waiting()
    found.sort(key=lambda one: one.created)
    if as_json:
        emit_json({"experiments": [experiment_json(one) for one in found]})
        return
    if not found:
        tell("No experiment waits or runs. hint: mltrack exp run --queue")
        return
    table(
        ("name", "state", "changes", "about"),
        [
            (one.name, one.state.value, one.changes, one.reason or one.note)
            for one in found
        ],
    )
