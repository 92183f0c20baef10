"""``logs``: what a stage's commands printed, of its last run or an earlier one, of one
that failed, or of one that runs.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import opened
from mltrack.engine.pipelines import choose
from mltrack.errors import MissingObjectError, UsageError
from mltrack.pipeline.stage import Stage
from mltrack.runners.logs import RUNNING, ended
from mltrack.runners.marks import Marks
from mltrack.runners.tickets import Tickets
from mltrack.verbs.session import Session

# bytes of a log file that are in memory at once
_PIECE = 1 << 20
RECORDED, CURRENT = "recorded", "current"


class Log(NamedTuple):
    """One log. ``state`` is 'running', 'failed', 'cancelled', 'recorded', or 'current'
    for the run that gave the result that the lock names. ``path`` is where it lies as a
    file, '' for an object of the cache, whose digest is ``object``.
    """

    stage: str
    state: str
    started: float
    exit_code: int | None = None
    path: str = ""
    object: str = ""
    key: str = ""


def logs(session: Session, target: str) -> list[Log]:
    """Returns the logs of a stage that are kept, the latest first; raises UsageError if
    ``target`` is not one stage.
    """
    chosen = choose(session.view.graph, [target], session.project.here)
    if len(chosen) != 1:
        raise UsageError(
            f"{target!r} is {len(chosen)} stages", hint=f"name one, such as {chosen[0]}"
        )
    stage = session.view.graph.stages[chosen[0]]
    found = [*_running(session, stage), *_ended(session, stage)]
    entry = (
        session.view.lock_state.entry(stage)
        if session.view.lock_state is not None
        else None
    )
    found += [
        Log(
            stage.address,
            CURRENT if record.entry == entry else RECORDED,
            record.started,
            record.exit_code,
            object=record.log,
            key=record.key,
        )
        for _, record in session.project.run_cache.all()
        if record.stage == stage.address and record.log
    ]
    return sorted(found, key=lambda log: log.started, reverse=True)


def chosen(found: list[Log], number: int) -> Log:
    """Returns the log of a run, counted back from the last one, 1; of the last that
    gave a result, the one that the lock names.
    """
    log = found[number - 1]
    # the result that the lock names may be of an older run, by the run cache
    if number == 1 and log.state == RECORDED:
        return next((one for one in found if one.state == CURRENT), log)
    return log


def pieces(session: Session, log: Log, offset: int = 0) -> Iterator[bytes]:
    """Yields what a log holds by now from ``offset`` on."""
    if log.path:
        # the run has ended since, and its log went into the cache
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with suppress(FileNotFoundError), opened(log.path, flags) as file:
            while data := os.pread(file, _PIECE, offset):
                yield data
                offset += len(data)
        return
    try:
        yield session.project.cache.read(log.object)[offset:]
    except MissingObjectError as error:
        raise MissingObjectError(
            f"the log of {log.stage} is not in the cache",
            hint="mltrack fetch --run-cache",
        ) from error


def is_running(session: Session, log: Log) -> bool:
    """Returns whether the command that writes the log still runs."""
    paths = {mark.log_path for mark in _marks(session).under_way()}
    return log.path in paths or any(
        noted.log_path == log.path for noted in _tickets(session).all()
    )


def _running(session: Session, stage: Stage) -> list[Log]:
    return [
        *(
            Log(stage.address, "running", mark.moment, path=mark.log_path)
            for mark in _marks(session).under_way()
            if mark.label == stage.address
        ),
        *(
            Log(
                stage.address,
                f"on {noted.runner}",
                noted.submitted,
                path=noted.log_path,
            )
            for noted in _tickets(session).all()
            if noted.label == stage.address
        ),
    ]


def _tickets(session: Session) -> Tickets:
    return Tickets(session.project.jobs_path)


def _marks(session: Session) -> Marks:
    return Marks(os.path.join(session.project.jobs_path, RUNNING))


def _ended(session: Session, stage: Stage) -> list[Log]:
    """Attempts that gave no record."""
    return [
        Log(stage.address, one.state, one.started, one.exit_code, one.path)
        for one in ended(session.project.jobs_path, stage.address)
    ]
