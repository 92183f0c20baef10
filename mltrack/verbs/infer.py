"""``stage add --infer``: runs a command once under tracing, and proposes what it
depends on and what it writes.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from mltrack.engine.undeclared import changed_since
from mltrack.errors import StageFailedError
from mltrack.git.ignored import ignored_among
from mltrack.pipeline.paths import PathMap, parents
from mltrack.pipeline.stage import WRITTEN_BY_US
from mltrack.runners import tracing
from mltrack.runners.job import Item, Job, Poll, Seen, State
from mltrack.runners.names import LOCAL
from mltrack.verbs.places import ProjectRunners
from mltrack.verbs.session import Session
from mltrack.verbs.stage import NewStage

TOGETHER = 4
"""From how many files of one directory on the directory is proposed instead."""
_PARAMS = ("params.yaml", "params.json", "params.toml")
# no run key: nothing is recorded, and nobody finds this job again
_KEY = "infer"


def infer(
    session: Session, new: NewStage, printed: Callable[[bytes], object]
) -> NewStage:
    """Returns the stage with the dependencies, params and outputs that were seen while
    its command ran, besides those that were given; ``printed`` gets what the command
    prints. Raises StageFailedError if the command fails.

    Every program is seen where strace is there, else only what Python programs open
    through Python.
    """
    job = _job(session, new)
    opened = _opened_by(session, job, printed)
    root = job.directory

    def seen(paths: list[str], given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                (*given, *(os.path.relpath(path, root or ".") for path in paths))
            )
        )

    declared = PathMap(
        (os.path.normpath(path), None)
        for path in (
            *new.metrics,
            *new.metrics_no_cache,
            *new.plots,
            *new.plots_no_cache,
            *new.outs_persist,
            *new.outs_persist_no_cache,
        )
    )

    def undeclared(paths: list[str]) -> list[str]:
        return [
            path
            for path in paths
            if declared.holder(os.path.relpath(path, root or ".")) is None
        ]

    return replace(
        new,
        deps=seen([path for path in opened.deps if path not in opened.outs], new.deps),
        params=new.params
        or tuple(f"{os.path.relpath(path, root or '.')}:" for path in opened.params),
        outs=seen(undeclared(opened.outs), new.outs),
        outs_no_cache=seen(undeclared(opened.in_git), new.outs_no_cache),
    )


def _job(session: Session, new: NewStage) -> Job:
    """The stage's command as a job that notes which files are opened."""
    project = session.project
    return Job(
        key=_KEY,
        label=new.name,
        shell=project.settings.text("core.shell"),
        directory=os.path.normpath(os.path.join(project.here, new.wdir))
        if project.here or new.wdir
        else "",
        items=(Item("", (new.cmd,)),),
        variables={"MLTRACK_STAGE": new.name},
        trace=tracing.STRACE if tracing.has_strace() else tracing.PYTHON,
    )


class _Opened(NamedTuple):
    """What a command opened, by the project's paths: what it read, params files among
    that, what it wrote, and what of that git keeps.
    """

    deps: list[str]
    params: list[str]
    outs: list[str]
    in_git: list[str]


def _opened_by(
    session: Session, job: Job, printed: Callable[[bytes], object]
) -> _Opened:
    """Runs a job, and sorts what it opened."""
    project = session.project
    before = set(session.view.in_git)
    began = time.time_ns()
    result = _run(session, job, printed)
    # what was renamed into place was never opened
    changed = {path for path, _ in changed_since(project.path, began)}
    changed -= set(ignored_among(sorted(changed), project.path))
    writes = {
        path
        for path in result.writes | changed
        # temporary files are gone by now, and nobody declares them
        if os.path.exists(project.absolute(path)) and not _is_own(path)
    }
    reads = {
        path
        for path in result.reads - writes
        if os.path.isfile(project.absolute(path)) and not _is_own(path)
    }
    known = session.observer.owned
    params = sorted(path for path in reads if os.path.basename(path) in _PARAMS)
    deps = _gathered({known.holder(path) or path for path in reads - set(params)})
    in_git = sorted(path for path in writes if path in before)
    return _Opened(deps, params, _gathered(writes - set(in_git)), in_git)


def _run(session: Session, job: Job, printed: Callable[[bytes], object]) -> Poll:
    """Runs the job to its end."""
    runner = ProjectRunners(session.project).open(LOCAL)
    ticket = runner.submit(job)
    seen = Seen()
    try:
        while True:
            state = runner.poll({ticket: seen})[ticket]
            seen = Seen(seen.log + len(state.log))
            printed(state.log)
            if state.state is not State.RUNNING and not state.log:
                break
            # seconds; what the command prints appears that much late at most
            runner.wait(0.1)
    except BaseException:
        # an interrupt, too: the command must not go on without us
        runner.cancel([ticket])
        raise
    finally:
        runner.forget(ticket)
        runner.close()
    if state.state is not State.DONE:
        raise StageFailedError(
            f"`{job.items[0].commands[0]}` ended with exit code {state.exit_code}: "
            "nothing was declared"
        )
    return state


def _gathered(paths: set[str]) -> list[str]:
    """The paths, with a directory in the place of many files in it."""
    by_directory: dict[str, list[str]] = {}
    for path in paths:
        by_directory.setdefault(os.path.dirname(path), []).append(path)
    found: set[str] = set()
    for directory, files in by_directory.items():
        found |= {directory} if directory and len(files) >= TOGETHER else set(files)
    return sorted(
        path for path in found if not any(parent in found for parent in parents(path))
    )


def _is_own(path: str) -> bool:
    return (
        path.split("/")[0] in (".git", ".mltrack")
        or os.path.basename(path) in WRITTEN_BY_US
    )
