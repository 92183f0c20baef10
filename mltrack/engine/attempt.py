"""One attempt at a stage: its outputs' places made ready, its job handed to a runner,
its result taken.

If an input changed while a command ran that reads the workspace itself, the result
stays on disk and is neither cached nor locked.
"""

import os
import time
from collections.abc import Generator, Iterator

from mltrack.engine.commit import Basis, Run
from mltrack.engine.events import (
    CheckpointRestored,
    DataBrought,
    Event,
    StageOutput,
    StagePlaced,
    UndeclaredReads,
)
from mltrack.engine.fault import Failed, Fault, FaultCause, fault_of, refused
from mltrack.engine.parts import Engine
from mltrack.engine.running import NOTHING_UPCOMING, Attempt
from mltrack.engine.undeclared import named_in_log, undeclared_reads
from mltrack.engine.ways import way_of
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    MltrackError,
    PipelineError,
    RemoteError,
    WorkspaceError,
)
from mltrack.objects.content import FILE, Content
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.plan import Step
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.stage import ERROR, LIVE, NONE, Inputs, Stage, is_outside
from mltrack.runners.job import Failure, Item, Job, Poll, Seen, State, Works
from mltrack.runners.process import interrupts_deferred
from mltrack.runners.runner import Runner

# bytes: what a framework prints last tells one kind of failure from another
_TAIL_BYTES = 16384


def begin(
    engine: Engine,
    step: Step,
    number: int,
    seen: Inputs | None,
    running: dict[str, Attempt],
) -> Generator[Event, None, Attempt]:
    """Starts a stage's command, adds the attempt to those that are ``running`` and
    returns it.

    ``seen`` are its inputs, where they were looked at just now. Raises Failed if it
    cannot be started.
    """
    stage, learner = step.stage, engine.tree.learner
    # first: where there is none, outputs stay as they are
    runner = _choose_runner(engine, step)
    if not stage.outs:
        # it is never up to date
        engine.recorder.locks.forget(stage.lock_path, stage.name)
    _refuse_hindered(step)
    way = way_of(engine, runner)
    try:
        brought = way.bring(stage)
    except (MissingObjectError, RemoteError) as error:
        raise refused(error) from error
    if brought:
        learner.forget(stage)
        yield DataBrought(stage.address, brought)
        # what was looked at is not what stands there now
        seen = None
    try:
        before = seen or learner.inputs(stage, NOTHING_UPCOMING)[0]
    except (PipelineError, FormatError) as error:
        raise refused(error) from error
    # right after the look: a write from here on counts as one during the run
    moments = way.moments(before)
    job, origin = yield from way.prepare(step, _job(engine, step, before))
    started, clock = time.time(), time.monotonic()
    try:
        # a command that runs is always one that we know of, and end when we are
        # interrupted
        with interrupts_deferred():
            # asked before: once it is submitted the runner holds it in any case
            found = runner.holds(job)
            ticket = runner.submit(job, origin)
            attempt = running[stage.address] = Attempt(
                step,
                number,
                before,
                runner,
                way,
                ticket,
                started,
                clock,
                found=found,
                moments=moments,
            )
    except MltrackError as error:
        raise refused(error) from error
    engine.placement.take(runner, stage)
    return attempt


def _refuse_hindered(step: Step) -> None:
    missing = [
        reason.subject
        for reason in step.reasons
        if reason.cause is Cause.DEPENDENCY_MISSING
    ]
    if step.problem is not None:
        raise refused(step.problem)
    if missing:
        raise Failed(Fault(FaultCause.DEPENDENCY_MISSING, paths=tuple(missing)))


def _choose_runner(engine: Engine, step: Step) -> Runner:
    """Returns the runner for a stage that runs now; raises Failed if there is none."""
    try:
        return engine.placement.runner_for(step.stage, step.key)
    except MltrackError as error:
        is_silent = isinstance(error, RemoteError)
        raise refused(error, Failure.UNREACHABLE if is_silent else None) from error


def _is_fresh(engine: Engine, stage: Stage) -> bool:
    """Whether only a new attempt will do: earlier results of the same key do not count."""
    options = engine.policy.options
    goes_on = any(out.persist for out in stage.outs)
    return (
        options.force
        or not options.use_run_cache
        or stage.always_changed
        or stage.is_callback
        or goes_on
    )


def follow(attempt: Attempt, state: Poll) -> Generator[Event, None, Poll | None]:
    """Tells what the command printed since the last look; returns the poll if it has
    ended and all of it was told.
    """
    while True:
        if state.log:
            attempt.seen = Seen(
                attempt.seen.log + len(state.log), attempt.seen.items + len(state.items)
            )
            attempt.tail = (attempt.tail + state.log)[-_TAIL_BYTES:]
            # it ended before anyone waited here: its words are in the log, and no news
            if not state.was_over:
                yield StageOutput(attempt.stage.address, state.log)
            # until nothing more comes: all of its output is told before its end
            state = attempt.poll()
            continue
        if state.is_resumed and not attempt.is_resumed:
            attempt.is_resumed = True
            yield CheckpointRestored(
                attempt.stage.address, attempt.stage.execution.checkpoint
            )
        placed = (state.place, state.gpus, state.state.value, state.problem)
        if placed != attempt.placed and not state.state.is_over:
            attempt.placed = placed
            yield StagePlaced(attempt.stage.address, attempt.ticket.runner, *placed)
        return state if state.state.is_over else None


def complete(
    engine: Engine, attempt: Attempt, result: Poll
) -> Generator[Event, None, tuple[Reason, ...]]:
    """Takes the result of a command that has ended. Returns why it is not recorded:
    nothing if it is.

    Raises Failed if there is no result to take.
    """
    stage, runner, way = attempt.stage, attempt.runner, attempt.way
    if result.state is not State.DONE:
        # before the runner is told that nobody wants anything of the job any more
        way.keep_checkpoint(attempt)
        yield from way.keep_logged(attempt, result)
        fault = _fault(engine, attempt, result)
        runner.settle(attempt.ticket)
        raise Failed(fault)
    yield from way.make_room(stage)
    runner.fetch(attempt.ticket)
    yield from _tell_undeclared_reads(engine, stage, result)
    # what was seen there is what stood there before the run
    engine.tree.checkout.observer.forget([out.path for out in stage.outs])
    _require_outputs(engine, attempt, result)
    changed = way.changed(attempt)
    if changed:
        return changed
    _record(engine, attempt, result)
    # only now: until the result is noted the checkpoint is all there is of hours
    way.forget_checkpoint(attempt)
    # after the journal has it: killed before, the next repro finds the job again
    runner.settle(attempt.ticket)
    runner.forget(attempt.ticket)
    return ()


def _tell_undeclared_reads(
    engine: Engine, stage: Stage, result: Poll
) -> Iterator[Event]:
    """Names what a command read without declaring it; raises Failed where that is an
    error.
    """
    check = stage.execution.check or engine.policy.check
    undeclared = (
        undeclared_reads(stage, result.reads, engine.tree.path) if check != NONE else ()
    )
    if undeclared and check == ERROR:
        raise Failed(Fault(FaultCause.UNDECLARED_READ, exit_code=0, paths=undeclared))
    if undeclared:
        yield UndeclaredReads(stage.address, undeclared)


def _require_outputs(engine: Engine, attempt: Attempt, result: Poll) -> None:
    """Raises Failed unless every declared output stands there, or stayed where it was
    made.
    """
    outs = [out.path for out in attempt.stage.outs if out.path not in result.left]
    lacking = tuple(
        path
        for path in outs
        if not os.path.lexists(os.path.join(engine.tree.path, path))
    )
    if lacking:
        # else it would be found by its key, and lack the same output for ever
        attempt.runner.reject(attempt.ticket)
        raise Failed(Fault(FaultCause.OUTPUT_MISSING, exit_code=0, paths=lacking))


def _record(engine: Engine, attempt: Attempt, result: Poll) -> None:
    """Makes the outputs a result of the stage; raises Failed where they cannot be one."""
    stage, runner = attempt.stage, attempt.runner
    basis = Basis(attempt.before, engine.policy.facts.shell, attempt.step.key)
    place = f":{result.place}" if result.place else ""
    run = Run(
        attempt.ticket.log_path,
        attempt.started,
        result.seconds
        if result.seconds is not None
        else time.monotonic() - attempt.clock,
        result.peak_memory,
        attempt.ticket.runner + place,
    )
    try:
        engine.recorder.committer.commit(stage, basis, run, result.left)
    except WorkspaceError as error:
        runner.reject(attempt.ticket)
        fault = Fault(FaultCause.OUTPUT_UNFIT, exit_code=0, error=error.message)
        raise Failed(fault) from error
    if result.left:
        engine.tree.checkout.cache.reload()  # their listings are there
        engine.supply.note_left(attempt.ticket.runner, attempt.step.key, result)
        for path, content in result.left.items():
            engine.tree.learner.absent[path] = content


def _job(engine: Engine, step: Step, known: Inputs) -> Job:
    stage = step.stage
    learner, policy = engine.tree.learner, engine.policy
    texts = {file.path: learner.text_of(file, stage) for file in stage.params}
    files = {path: data for path, data in texts.items() if data is not None}
    # params and the environment's lock are read too: of these no digest is at hand
    unknown = Content(FILE, "", 0)
    # in the workspace a file with other values would stay after a kill
    isolated = stage.execution.sandbox or bool(files)
    reads = _read_by_job(engine, stage, through_links=isolated)
    # last: what the stage declares is named first, and stands for what lies in it
    reads += _around(engine, stage, reads)
    return Job(
        key=step.key,
        label=stage.address,
        shell=policy.facts.shell,
        directory=stage.wdir,
        items=(Item("", stage.cmd, tuple(out.path for out in stage.outs)),),
        inputs={path: known.deps.get(path) or unknown for path in reads},
        variables={"MLTRACK_ROOT": engine.tree.path, "MLTRACK_STAGE": stage.address},
        resources=dict(stage.execution.resources),
        timeout=stage.execution.timeout,
        isolated=isolated,
        files=files,
        kept=tuple(out.path for out in stage.outs if out.persist),
        project=policy.project,
        fresh=_is_fresh(engine, stage),
        checkpoint=stage.execution.checkpoint,
        live=stage.execution.live or os.path.join(stage.wdir, LIVE),
        stop=stage.execution.stop,
        monitor=stage.execution.monitor,
        trace=_trace(engine, stage),
    )


def _trace(engine: Engine, stage: Stage) -> str:
    """How the files that a stage's commands open are noted; '' for not at all."""
    check = stage.execution.check or engine.policy.check
    # in a sandbox also unchecked: what was sought there explains a failure
    is_wanted = check != NONE or stage.execution.sandbox
    return engine.policy.trace if is_wanted else ""


def _read_by_job(engine: Engine, stage: Stage, *, through_links: bool) -> list[str]:
    """The paths that a job is given: what the stage declares to read, and with
    ``through_links`` what that leads to.
    """
    reads = [path for path in stage.reads if not is_outside(path)]
    if not through_links:
        return reads
    # a link that leads nowhere leads nowhere there, too
    linked = engine.tree.learner.linked(reads)
    return reads + sorted(
        path for path in linked if os.path.exists(os.path.join(engine.tree.path, path))
    )


def _around(engine: Engine, stage: Stage, reads: list[str]) -> list[str]:
    """The paths that a job is given though its stage does not declare them; a sandbox
    is there to have none.
    """
    if not engine.tree.around or stage.execution.sandbox:
        return []
    taken = PathMap((path, None) for path in reads)
    return [path for path in engine.tree.around if taken.holder(path) is None]


def _fault(engine: Engine, attempt: Attempt, result: Poll) -> Fault:
    """Why the job did not end well; where it ran apart, with what it may have lacked."""
    stage = attempt.stage
    fault = fault_of(
        result,
        attempt.tail,
        runner=attempt.ticket.runner,
        timeout=stage.execution.timeout,
    )
    # only what runs with copies of what is declared can lack a file that is there
    is_on_host = attempt.runner.abilities.works is Works.APART
    has_own_params = bool(stage.params) and engine.tree.learner.params.are_overridden
    is_apart = is_on_host or stage.execution.sandbox or has_own_params
    if not is_apart or fault.cause is not FaultCause.COMMAND:
        return fault
    project = engine.tree.path
    undeclared = undeclared_reads(stage, result.reads, project)
    named = named_in_log(stage, attempt.tail, project)
    sought = tuple(dict.fromkeys((*undeclared, *named)))
    return fault._replace(sought=sought, in_sandbox=not is_on_host)
