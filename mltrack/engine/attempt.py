"""One attempt at a stage: its outputs' places made ready, its job handed to a runner, its result taken.

Before a run dependencies are hashed, outputs' parents created, outputs without ``persist`` removed (bytes that the cache
lacks are saved first). After it dependencies are observed again; if one changed meanwhile, the result stays on disk and
is neither cached nor locked.
"""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from mltrack.engine.commit import Committer, Run
from mltrack.engine.inputs import Learner
from mltrack.engine.lock_state import LockState
from mltrack.engine.undeclared import Interval, named_in_log, undeclared_reads
from mltrack.errors import UnsavedDataError, WorkspaceError
from mltrack.events import BytesSaved, DataBrought, Event, MovedAside, StageOutput, UndeclaredReads
from mltrack.objects.content import FILE, Content
from mltrack.pipeline.plan import Cause, Facts, Known, Options, Reason, Step, Upcoming, input_reasons
from mltrack.pipeline.stage import ERROR, NONE, Inputs, Output, Stage, is_url
from mltrack.runners.job import Item, Job, Poll, State, Ticket
from mltrack.runners.process import interrupts_deferred
from mltrack.runners.runner import Runner
from mltrack.workspace.checkout import Checkout
from mltrack.workspace.links import make_private
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.trash import Trash

LAST_LINES = 20
_TAIL_BYTES = 16384
NOTHING_UPCOMING: Upcoming = Upcoming()
Describe = Callable[[Reason], str]


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that executing needs, wired once per command.

    ``bring`` gets inputs of a stage that are known but not here, and returns their paths; ``fetch`` gets contents into the
    cache that are to be had elsewhere. ``outputs`` are the paths that any stage of the project writes. ``check`` is what
    to do about undeclared reads where a stage does not say, ``trace`` how they are seen.
    """

    learner: Learner
    locks: LockState
    checkout: Checkout
    committer: Committer
    trash: Trash
    runner: Runner
    facts: Facts
    options: Options
    describe: Describe
    bring: Callable[[Stage], tuple[str, ...]]
    fetch: Callable[[list[Content]], None]
    outputs: tuple[str, ...]
    check: str
    trace: str


class Failed(Exception):
    """The attempt did not give a result; ``code`` is the command's, None where it gave none."""

    def __init__(self, message: str, code: int | None = 0, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.may_pass = may_pass
        """Whether another try may do better: the command itself failed."""


@dataclass(slots=True)
class Attempt:
    """One stage that runs now."""

    step: Step
    number: int
    before: Inputs
    ticket: Ticket
    started: float
    clock: float
    offset: int = 0
    tail: bytes = b""

    @property
    def stage(self) -> Stage:
        return self.step.stage

    def interval(self) -> Interval:
        return Interval(self.stage.address, int(self.started * 1e9), time.time_ns())

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self.tail.decode("utf-8", "replace").splitlines()[-LAST_LINES:])


def begin(
    engine: Engine, step: Step, number: int, seen: Inputs | None, running: dict[str, "Attempt"]
) -> Generator[Event, None, Attempt]:
    """Starts a stage's command, adds the attempt to those that are ``running`` and returns it.

    ``seen`` are its inputs, where they were looked at just now. Raises Failed if it cannot be started.
    """
    stage = step.stage
    missing = [reason.subject for reason in step.reasons if reason.cause is Cause.DEPENDENCY_MISSING]
    if missing:
        raise Failed(f"it depends on {missing[0]!r}, which does not exist; `mltrack pull` brings tracked data", None)
    brought = engine.bring(stage)
    if brought:
        engine.learner.forget(stage)
        yield DataBrought(stage.address, brought)
        seen = None
    before = seen or engine.learner.inputs(stage, NOTHING_UPCOMING)[0]
    for out in stage.outs:
        yield from _prepare(engine, out)
    engine.committer.make_directory(stage.wdir)
    started, clock = time.time(), time.monotonic()
    job = _job(engine, step, before)
    with interrupts_deferred():  # a command that runs is always one that we know of, and end when we are interrupted
        ticket = engine.runner.submit(job)
        attempt = running[stage.address] = Attempt(step, number, before, ticket, started, clock)
    return attempt


def follow(engine: Engine, attempt: Attempt) -> Generator[Event, None, Poll | None]:
    """Tells what the command printed since the last look; returns the poll if it has ended and all of it was told."""
    while True:
        state = engine.runner.poll(attempt.ticket, attempt.offset)
        if state.log:
            attempt.offset += len(state.log)
            attempt.tail = (attempt.tail + state.log)[-_TAIL_BYTES:]
            yield StageOutput(attempt.stage.address, state.log)
            continue
        return state if state.state is not State.RUNNING else None


def complete(engine: Engine, attempt: Attempt, result: Poll) -> Generator[Event, None, tuple[str, ...]]:
    """Takes the result of a command that has ended. Returns why it is not recorded: nothing if it is.

    Raises Failed if there is no result to take.
    """
    stage = attempt.stage
    check = stage.execution.check or engine.check
    if result.state is not State.DONE:
        raise Failed(_failure(engine, attempt, result), result.exit_code, may_pass=result.state is State.FAILED)
    if check != NONE:
        undeclared = undeclared_reads(stage, result.reads, engine.checkout.project_path)
        if undeclared and check == ERROR:
            shown = ", ".join(undeclared[:5])
            raise Failed(f"it read what it does not declare: {shown}; add it to `deps`, or set `check: warn`")
        if undeclared:
            yield UndeclaredReads(stage.address, undeclared)
    engine.checkout.observer.forget([out.path for out in stage.outs])
    top = engine.checkout.project_path
    lacking = [out.path for out in stage.outs if not os.path.lexists(os.path.join(top, out.path))]
    if lacking:
        raise Failed(f"it did not write {', '.join(map(repr, lacking))}, declared as its output")
    engine.learner.forget(stage)
    after, _ = engine.learner.inputs(stage, NOTHING_UPCOMING)
    reference = engine.committer.entry(stage, attempt.before, {}, engine.facts.shell)
    changed = [
        reason
        for reason in input_reasons(stage, Known(reference, after, {}), engine.facts.shell)
        if reason.cause is not Cause.OUTPUT_ADDED
    ]
    if changed:
        return tuple(map(engine.describe, changed))
    run = Run(
        attempt.ticket.log_path,
        attempt.started,
        time.monotonic() - attempt.clock,
        result.peak_memory,
        attempt.ticket.runner,
    )
    try:
        engine.committer.commit(stage, attempt.step.key, attempt.before, engine.facts.shell, run)
    except WorkspaceError as error:
        raise Failed(
            f"its outputs cannot be recorded (a link that leads out, a pipe, a repository?): {error.message}"
        ) from error
    engine.runner.forget(attempt.ticket)
    return ()


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
    return Job(
        key=step.key,
        label=stage.address,
        shell=engine.facts.shell,
        directory=stage.wdir,
        items=(Item("", stage.cmd, tuple(out.path for out in stage.outs)),),
        inputs={path: known.deps.get(path) or unknown for path in stage.reads if not is_url(path)},
        variables={"MLTRACK_ROOT": engine.checkout.project_path, "MLTRACK_STAGE": stage.address},
        resources=dict(stage.execution.resources),
        timeout=stage.execution.timeout,
        isolated=stage.execution.sandbox or bool(files),
        files=files,
        kept=tuple(out.path for out in stage.outs if out.persist),
        trace=engine.trace if (stage.execution.check or engine.check) != NONE or stage.execution.sandbox else "",
    )


def _failure(engine: Engine, attempt: Attempt, result: Poll) -> str:
    stage = attempt.stage
    command = result.command.strip().splitlines()[0] if result.command.strip() else ""
    shown = f"`{command[:100]}`" if command else "its command"
    code = result.exit_code or 0
    killed = -code if code < 0 else code - 128 if 128 < code < 160 else 0
    if result.timed_out:
        text = f"{shown} took longer than its timeout of {stage.execution.timeout:g} s and was ended"
    elif result.out_of_memory:
        text = f"{shown} was killed by the kernel: the machine ran out of memory"
    elif code < 0:
        text = f"{shown} was killed by {_signal_name(killed)}"
    elif code == 127:
        text = f"{shown} ended with exit code 127: a program in it was not found"
    elif code == 126:
        text = f"{shown} ended with exit code 126: a program in it may not be executed"
    elif killed:
        text = f"{shown} ended with exit code {code}: a program in it was killed by {_signal_name(killed)}"
    else:
        text = f"{shown} ended with exit code {result.exit_code}"
    if stage.execution.sandbox or (stage.params and engine.learner.sources.overrides):
        project = engine.checkout.project_path
        sought = dict.fromkeys(
            (*undeclared_reads(stage, result.reads, project), *named_in_log(stage, attempt.tail, project))
        )
        if sought:
            text += f"; in its sandbox it looked for {', '.join(list(sought)[:5])}, which it does not declare"
    return text


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return name + (" (often: out of memory)" if name == "SIGKILL" else "")
