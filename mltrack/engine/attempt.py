"""One attempt at a stage: its outputs' places made ready, its job handed to a runner, its result taken.

Before a run dependencies are hashed, outputs' parents created, outputs without ``persist`` removed (bytes that the cache
lacks are saved first). After it dependencies are observed again; if one changed meanwhile, the result stays on disk and
is neither cached nor locked.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

from mltrack.engine.checkpoints import Checkpoints
from mltrack.engine.commit import Committer, Run
from mltrack.engine.events import (
    BytesSaved,
    CheckpointRestored,
    DataBrought,
    Event,
    MovedAside,
    StageOutput,
    StagePlaced,
    UndeclaredReads,
)
from mltrack.engine.inputs import Learner
from mltrack.engine.lock_state import LockState
from mltrack.engine.placement import Placement
from mltrack.engine.staging import Staged, stage_inputs
from mltrack.engine.undeclared import Interval, named_in_log, undeclared_reads
from mltrack.errors import MissingObjectError, MltrackError, RemoteError, UnsavedDataError, WorkspaceError
from mltrack.objects.content import FILE, Content
from mltrack.pipeline.plan import Facts, Known, Options, Step, Upcoming, input_reasons
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.stage import ERROR, NONE, OUT, Inputs, Output, Stage, is_url
from mltrack.runners.failures import classify, words_of
from mltrack.runners.job import Failure, Item, Job, Poll, Seen, State, Ticket
from mltrack.runners.process import interrupts_deferred
from mltrack.runners.runner import Runner
from mltrack.workspace.checkout import Checkout
from mltrack.workspace.links import make_private
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.stillness import Moment, stood_still
from mltrack.workspace.trash import Trash

LAST_LINES = 20
_TAIL_BYTES = 16384
NOTHING_UPCOMING: Upcoming = Upcoming()


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that executing needs, wired once per command.

    ``placement`` says which runner a stage's job goes to. ``bring`` gets inputs of a stage that are known but not here, and
    returns their paths; ``fetch`` gets contents into the cache that are to be had elsewhere. ``outputs`` are the paths that
    any stage of the project writes. ``check`` is what to do about undeclared reads where a stage does not say, ``trace`` how
    they are seen. ``project`` is the project's identity. With ``leaves`` outputs stay where they were made, and ``note_left``
    notes where that is.
    """

    learner: Learner
    locks: LockState
    checkout: Checkout
    committer: Committer
    trash: Trash
    placement: Placement
    facts: Facts
    options: Options
    bring: Callable[[Stage, Runner | None], tuple[str, ...]]
    fetch: Callable[[list[Content]], None]
    outputs: tuple[str, ...]
    check: str
    trace: str
    checkpoints: Checkpoints
    project: str = ""
    leaves: bool = False
    note_left: Callable[[str, str, Poll], None] = lambda runner, key, result: None


class Failed(Exception):
    """The attempt did not give a result; ``code`` is the command's, None where it gave none. ``failure`` is its kind where
    another try may do better; its rule says which."""

    def __init__(self, message: str, code: int | None = 0, *, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.failure = failure


@dataclass(slots=True)
class Attempt:
    """One stage that runs now."""

    step: Step
    number: int
    before: Inputs
    runner: Runner
    ticket: Ticket
    started: float
    clock: float
    seen: Seen = field(default_factory=Seen)
    tail: bytes = b""
    is_resumed: bool = False
    found: str = ""
    """The state of the job that was found, where it was not started by this attempt."""
    moments: dict[str, Moment] = field(default_factory=dict)
    """The stamps of what it reads, as they were when that was hashed."""
    placed: tuple[str, tuple[str, ...], str, str] = ("", (), "", "")
    """Where it was last told to be: host, GPUs, state, what is wrong."""

    @property
    def stage(self) -> Stage:
        return self.step.stage

    def poll(self) -> Poll:
        """Returns where its job stands now."""
        return self.runner.poll({self.ticket: self.seen})[self.ticket]

    def interval(self) -> Interval:
        return Interval(self.stage.address, int(self.started * 1e9), time.time_ns())

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self.tail.decode("utf-8", "replace").splitlines()[-LAST_LINES:])


def begin(
    engine: Engine, step: Step, number: int, seen: Inputs | None, running: dict[str, "Attempt"], runner: Runner
) -> Generator[Event, None, Attempt]:
    """Starts a stage's command, adds the attempt to those that are ``running`` and returns it.

    ``seen`` are its inputs, where they were looked at just now. Raises Failed if it cannot be started.
    """
    stage = step.stage
    missing = [reason.subject for reason in step.reasons if reason.cause is Cause.DEPENDENCY_MISSING]
    if step.problem is not None:
        raise Failed(step.problem.message, None)
    if missing:
        raise Failed(f"it depends on {missing[0]!r}, which does not exist; `mltrack pull` brings tracked data", None)
    try:
        brought = engine.bring(stage, runner)
    except (MissingObjectError, RemoteError) as error:
        raise Failed(error.message, None) from error
    if brought:
        engine.learner.forget(stage)
        yield DataBrought(stage.address, brought)
        seen = None
    before = seen or engine.learner.inputs(stage, NOTHING_UPCOMING)[0]
    moments = engine.learner.moments(before.deps) if runner.abilities.shares_files else {}
    origin = None
    job = _job(engine, step, before)
    if runner.abilities.shares_files:
        for out in stage.outs:
            yield from _prepare(engine, out)
        engine.committer.make_directory(stage.wdir)
        if stage.execution.checkpoint and engine.checkpoints.restore(stage.execution.checkpoint, step.key):
            yield CheckpointRestored(stage.address, stage.execution.checkpoint)
    else:
        job, origin = _staged(engine, stage, job, leaves=engine.leaves and runner.abilities.leaves)
    started, clock = time.time(), time.monotonic()
    try:
        # a command that runs is always one that we know of, and end when we are interrupted
        with interrupts_deferred():
            found = runner.holds(job)
            ticket = runner.submit(job, origin)
            attempt = running[stage.address] = Attempt(
                step, number, before, runner, ticket, started, clock, found=found, moments=moments
            )
    except MltrackError as error:
        raise Failed(error.message + (f" (hint: {error.hint})" if error.hint else ""), None) from error
    engine.placement.take(runner, stage)
    return attempt


def choose_runner(engine: Engine, step: Step) -> Runner:
    """Returns the runner for a stage that runs now; raises Failed if there is none."""
    try:
        return engine.placement.runner_for(step.stage, step.key)
    except MltrackError as error:
        raise Failed(
            error.message, None, failure=Failure.UNREACHABLE if isinstance(error, RemoteError) else None
        ) from error


def _is_fresh(engine: Engine, stage: Stage) -> bool:
    """Whether only a new attempt will do: earlier results of the same key do not count."""
    options = engine.options
    goes_on = any(out.persist for out in stage.outs)
    return options.force or not options.use_run_cache or stage.always_changed or stage.is_callback or goes_on


def follow(attempt: Attempt, state: Poll) -> Generator[Event, None, Poll | None]:
    """Tells what the command printed since the last look; returns the poll if it has ended and all of it was told."""
    while True:
        if state.log:
            attempt.seen = Seen(attempt.seen.log + len(state.log), attempt.seen.items + len(state.items))
            attempt.tail = (attempt.tail + state.log)[-_TAIL_BYTES:]
            if not state.was_over:
                yield StageOutput(attempt.stage.address, state.log)
            state = attempt.poll()
            continue
        if state.is_resumed and not attempt.is_resumed:
            attempt.is_resumed = True
            yield CheckpointRestored(attempt.stage.address, attempt.stage.execution.checkpoint)
        placed = (state.place, state.gpus, state.state.value, state.problem)
        if placed != attempt.placed and not state.state.is_over:
            attempt.placed = placed
            yield StagePlaced(attempt.stage.address, attempt.ticket.runner, *placed)
        return state if state.state.is_over else None


def complete(engine: Engine, attempt: Attempt, result: Poll) -> Generator[Event, None, tuple[Reason, ...]]:
    """Takes the result of a command that has ended. Returns why it is not recorded: nothing if it is.

    Raises Failed if there is no result to take.
    """
    stage, runner = attempt.stage, attempt.runner
    check = stage.execution.check or engine.check
    if result.state is not State.DONE:
        put_checkpoint_aside(engine, attempt)
        failure = classify(result, attempt.tail)
        runner.settle(attempt.ticket)
        raise Failed(_failure(engine, attempt, result), result.exit_code, failure=failure)
    if not runner.abilities.shares_files:
        for out in stage.outs:
            make_parents(engine.checkout.project_path, out.path)
            yield from save(engine, out)
            engine.checkout.clear(out.path)
    runner.fetch(attempt.ticket)
    if check != NONE:
        undeclared = undeclared_reads(stage, result.reads, engine.checkout.project_path)
        if undeclared and check == ERROR:
            shown = ", ".join(undeclared[:5])
            raise Failed(f"it read what it does not declare: {shown}; add it to `deps`, or set `check: warn`")
        if undeclared:
            yield UndeclaredReads(stage.address, undeclared)
    engine.checkout.observer.forget([out.path for out in stage.outs])
    top = engine.checkout.project_path
    lacking = [
        out.path
        for out in stage.outs
        if out.path not in result.left and not os.path.lexists(os.path.join(top, out.path))
    ]
    if lacking:
        runner.reject(attempt.ticket)
        raise Failed(f"it did not write {', '.join(map(repr, lacking))}, declared as its output")
    if runner.abilities.shares_files:
        changed = _changed_inputs(engine, attempt)
        if changed:
            return changed
    place = f":{result.place}" if result.place else ""
    run = Run(
        attempt.ticket.log_path,
        attempt.started,
        result.seconds if result.seconds is not None else time.monotonic() - attempt.clock,
        result.peak_memory,
        attempt.ticket.runner + place,
    )
    try:
        engine.committer.commit(stage, attempt.step.key, attempt.before, engine.facts.shell, run, result.left)
    except WorkspaceError as error:
        runner.reject(attempt.ticket)
        raise Failed(
            f"its outputs cannot be recorded (a link that leads out, a pipe, a repository?): {error.message}"
        ) from error
    if result.left:
        engine.checkout.cache.reload()  # their listings are there
        engine.note_left(attempt.ticket.runner, attempt.step.key, result)
        for path, content in result.left.items():
            engine.learner.absent[path] = content
    if stage.execution.checkpoint and runner.abilities.shares_files:
        engine.checkpoints.forget(stage.execution.checkpoint, attempt.step.key)
    runner.settle(attempt.ticket)
    runner.forget(attempt.ticket)
    return ()


def put_checkpoint_aside(engine: Engine, attempt: Attempt) -> None:
    """Keeps what an attempt that did not end well had saved of its state, where it stands in the workspace."""
    directory = attempt.stage.execution.checkpoint
    if directory and attempt.runner.abilities.shares_files:
        engine.checkpoints.save(directory, attempt.step.key)


def _changed_inputs(engine: Engine, attempt: Attempt) -> tuple[Reason, ...]:
    """What of a stage's inputs is another than before it ran. Where a job has copies of its own nothing of the
    workspace can have changed under it."""
    stage = attempt.stage
    engine.learner.forget(stage)
    after, _ = engine.learner.inputs(stage, NOTHING_UPCOMING)
    reference = engine.committer.entry(stage, attempt.before, {}, engine.facts.shell)
    changed = [
        reason
        for reason in input_reasons(stage, Known(reference, after, {}), engine.facts.shell)
        if reason.cause is not Cause.OUTPUT_ADDED
    ]
    told = {reason.subject for reason in changed}
    now = engine.learner.moments(after.deps)
    changed += [
        Reason(Cause.DEPENDENCY_CHANGED, path)  # the same bytes again, but not all the time
        for path, moment in attempt.moments.items()
        if path not in told and path in now and not stood_still(moment, now[path])
    ]
    return tuple(changed)


def save(engine: Engine, out: Output) -> Iterator[Event]:
    """Saves what stands at an output if the cache lacks it, and says so."""
    cache, observer = engine.checkout.cache, engine.checkout.observer
    try:
        snapshot = observer.tracked(out.path)
    except WorkspaceError:  # what cannot be represented cannot be cached either: it is kept as it is, elsewhere
        place = engine.trash.set_aside(engine.checkout.project_path, out.path)
        observer.forget([out.path])
        yield MovedAside(out.path, place)
        return
    if snapshot is None:
        return
    content: Content | None = snapshot.content
    if cache.holds(snapshot.content):
        if not out.cache or snapshot.content.same_bytes(engine.checkout.last.get(out.path)):
            return
    else:
        content = engine.checkout.save(out.path)
    if content is None or not cache.holds(content):
        raise UnsavedDataError(f"cannot save {out.path!r} before it is replaced", hint="move it away")
    engine.trash.note([(out.path, content)])
    yield BytesSaved(out.path, cache.algorithm.text(content.hex))


def _prepare(engine: Engine, out: Output) -> Iterator[Event]:
    make_parents(engine.checkout.project_path, out.path)
    yield from save(engine, out)
    if not out.persist:
        engine.checkout.clear(out.path)
    elif os.path.lexists(os.path.join(engine.checkout.project_path, out.path)):
        make_private(engine.checkout.project_path, out.path, engine.checkout.cache)


def _job(engine: Engine, step: Step, known: Inputs) -> Job:
    stage = step.stage
    texts = {file.path: engine.learner.params_text(file) for file in stage.params}
    files = {path: data for path, data in texts.items() if data is not None}
    unknown = Content(FILE, "", 0)
    isolated = stage.execution.sandbox or bool(files)
    reads = [path for path in stage.reads if not is_url(path)]
    if isolated:  # a link that leads nowhere leads nowhere there, too
        top = engine.checkout.project_path
        reads += sorted(path for path in engine.learner.linked(reads) if os.path.exists(os.path.join(top, path)))
    return Job(
        key=step.key,
        label=stage.address,
        shell=engine.facts.shell,
        directory=stage.wdir,
        items=(Item("", stage.cmd, tuple(out.path for out in stage.outs)),),
        inputs={path: known.deps.get(path) or unknown for path in reads},
        variables={"MLTRACK_ROOT": engine.checkout.project_path, "MLTRACK_STAGE": stage.address},
        resources=dict(stage.execution.resources),
        timeout=stage.execution.timeout,
        isolated=isolated,
        files=files,
        kept=tuple(out.path for out in stage.outs if out.persist),
        project=engine.project,
        fresh=_is_fresh(engine, stage),
        checkpoint=stage.execution.checkpoint,
        trace=engine.trace if (stage.execution.check or engine.check) != NONE or stage.execution.sandbox else "",
    )


def _staged(engine: Engine, stage: Stage, job: Job, *, leaves: bool) -> tuple[Job, Staged]:
    """The job as one in another place: its inputs as objects, the values of its variables, and what may stay there."""
    learner = engine.learner
    known = {path: content if content.hex else None for path, content in job.inputs.items() if path not in job.files}
    known.update(dict.fromkeys(job.kept))
    try:
        staged = stage_inputs(engine.checkout.observer, engine.checkout.cache, known, learner.absent_at)
    except WorkspaceError as error:
        raise Failed(error.message, None) from error
    environment = learner.sources.environment
    given = {name: environment[name] for name in stage.env.vars if name in environment}
    left = frozenset(out.path for out in stage.outs if out.cache and out.type == OUT) if leaves else frozenset()
    variables = {**given, **job.variables}
    variables.pop("MLTRACK_ROOT", None)
    unset = tuple(name for name in stage.env.vars if name not in environment)
    return replace(job, inputs=staged.inputs, variables=variables, unset=unset, left=left, isolated=True), staged


def _failure(engine: Engine, attempt: Attempt, result: Poll) -> str:
    stage = attempt.stage
    text = words_of(result, attempt.tail, runner=attempt.ticket.runner, timeout=stage.execution.timeout)
    is_apart = not attempt.runner.abilities.shares_files
    is_alone = is_apart or stage.execution.sandbox or bool(stage.params and engine.learner.sources.overrides)
    if is_alone and result.state is State.FAILED and not result.problem:
        project = engine.checkout.project_path
        sought = dict.fromkeys(
            (*undeclared_reads(stage, result.reads, project), *named_in_log(stage, attempt.tail, project))
        )
        if sought:
            where = f"on {result.place or attempt.ticket.runner}" if is_apart else "in its sandbox"
            text += f"; {where} it looked for {', '.join(list(sought)[:5])}, which it does not declare"
    return text
