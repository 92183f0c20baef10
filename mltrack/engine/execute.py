"""Makes a plan happen, one stage after another, and tells what happens as events.

For each stage: decide again with what is known now; then skip, restore, or run. Before a run: dependencies are
hashed, outputs' parents created, outputs without ``persist`` removed (bytes that the cache lacks are saved first).
After it: dependencies are observed again; if one changed meanwhile, the result stays on disk and is neither cached
nor locked. Then outputs into the cache, the record, the journal: in this order, each durable before the next.
"""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from mltrack.engine.commit import Committer
from mltrack.engine.inputs import UNREPRESENTABLE, Learner
from mltrack.engine.lock_state import LockState
from mltrack.errors import PipelineError, UnsavedDataError, WorkspaceError
from mltrack.events import (
    BytesSaved,
    Event,
    MovedAside,
    StageFailed,
    StageFinished,
    StageOutput,
    StageRestored,
    StageSkipped,
    StageStarted,
)
from mltrack.objects.content import Content
from mltrack.pipeline.plan import Cause, Facts, Known, Options, Plan, Reason, Step, Verdict, decide, input_reasons
from mltrack.pipeline.stage import Output, Stage
from mltrack.runners.job import Item, Job, Poll, State, Ticket
from mltrack.runners.runner import Runner
from mltrack.workspace.checkout import Checkout, no_progress
from mltrack.workspace.links import make_private
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.trash import Trash

LAST_LINES = 20
_POLL_SECONDS = 0.2
Describe = Callable[[Reason], str]


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that executing needs, wired once per command."""

    learner: Learner
    locks: LockState
    checkout: Checkout
    committer: Committer
    trash: Trash
    runner: Runner
    facts: Facts
    options: Options
    describe: Describe


@dataclass(slots=True)
class Outcome:
    """What became of the stages, by address."""

    ran: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)


def execute(engine: Engine, plan: Plan, upstream: dict[str, tuple[str, ...]], outcome: Outcome) -> Iterator[Event]:
    """Carries out the plan, stopping at the first stage that fails; fills ``outcome``.

    What is done stays done, whatever ends this: each finished stage is recorded before the next begins.
    """
    stuck: set[str] = set()
    for step in plan.steps:
        address = step.stage.address
        if outcome.failed or any(needed in stuck for needed in upstream[address]):
            stuck.add(address)
            outcome.not_reached.append(address)
            continue
        if step.verdict in (Verdict.WAIT, Verdict.RUN) or outcome.ran or outcome.restored:
            engine.learner.forget(step.stage)
            step = decide(step.stage, engine.learner.learn(step.stage, {}, ()), engine.facts, engine.options)
        if step.verdict is Verdict.SKIP:
            outcome.skipped.append(address)
            yield StageSkipped(address, _skip_note(step))
        elif step.verdict is Verdict.RESTORE:
            yield from _restore(engine, step)
            outcome.restored.append(address)
        else:
            yield from _run(engine, step, outcome)
            if address in outcome.failed or address in outcome.unrecorded:
                stuck.add(address)


def _skip_note(step: Step) -> str:
    return "frozen" if any(reason.cause is Cause.FROZEN for reason in step.reasons) else ""


def _restore(engine: Engine, step: Step) -> Iterator[Event]:
    stage, record = step.stage, step.record
    assert record is not None
    for out in stage.outs:
        wanted = record.outs.get(out.path)
        if wanted is None or (not out.cache and not engine.facts.is_cached(wanted)):
            continue
        yield from _save(engine, out)
        plan = engine.checkout.plan(out.path, wanted, force=True)
        engine.checkout.carry_out(out.path, wanted, plan, no_progress)
    if step.from_run_cache:
        engine.learner.forget(stage)
        known = engine.learner.learn(stage, {}, ())
        engine.locks.record(stage, engine.committer.entry(stage, known.inputs, record.outs, engine.facts.shell))
    yield StageRestored(stage.address, tuple(map(engine.describe, step.reasons)), step.from_run_cache)


def _run(engine: Engine, step: Step, outcome: Outcome) -> Iterator[Event]:
    stage = step.stage
    missing = [reason.subject for reason in step.reasons if reason.cause is Cause.DEPENDENCY_MISSING]
    if missing:
        raise PipelineError(
            f"stage {stage.address!r} depends on {missing[0]!r}, which does not exist",
            hint="`mltrack pull` brings tracked data; otherwise create the file or correct `deps`",
        )
    before = engine.learner.learn(stage, {}, ())
    for out in stage.outs:
        yield from _prepare(engine, out)
    engine.committer.make_directory(stage.wdir)
    started, clock = time.time(), time.monotonic()
    job = _job(engine, step)
    ticket = engine.runner.submit(job)
    try:  # whoever reads these events may be interrupted between any two of them
        yield StageStarted(stage.address, stage.cmd, tuple(map(engine.describe, step.reasons)), ticket.attempt)
        result, tail = yield from _follow(engine, stage, ticket)
    except BaseException:
        engine.runner.cancel(ticket)
        raise
    seconds = time.monotonic() - clock
    if result.state is not State.DONE:
        outcome.failed.append(stage.address)
        yield StageFailed(stage.address, _failure(result), result.exit_code, tail)
        return
    engine.checkout.observer.forget([out.path for out in stage.outs])
    written = engine.learner.outputs(stage)
    strange = [path for path, content in written.items() if content is not None and content.kind == UNREPRESENTABLE]
    if strange:
        outcome.failed.append(stage.address)
        message = f"its output {strange[0]!r} is, or holds, what cannot be recorded: a link that leads out, a pipe, a repository"
        yield StageFailed(stage.address, message, 0, tail)
        return
    lacking = [path for path, content in written.items() if content is None]
    if lacking:
        outcome.failed.append(stage.address)
        yield StageFailed(
            stage.address, f"it did not write {', '.join(map(repr, lacking))}, declared as its output", 0, tail
        )
        return
    engine.learner.forget(stage)
    after = engine.learner.learn(stage, {}, ())
    reference = engine.committer.entry(stage, before.inputs, {}, engine.facts.shell)
    changed = [
        reason
        for reason in input_reasons(stage, Known(reference, after.inputs, after.outs), engine.facts.shell)
        if reason.cause is not Cause.OUTPUT_ADDED
    ]
    if changed:
        outcome.unrecorded.append(stage.address)
        yield StageFinished(stage.address, seconds, tuple(map(engine.describe, changed)))
        return
    engine.committer.commit(stage, step.key, before.inputs, engine.facts.shell, ticket.log_path, started, seconds)
    outcome.ran.append(stage.address)
    yield StageFinished(stage.address, seconds)


def _prepare(engine: Engine, out: Output) -> Iterator[Event]:
    make_parents(engine.checkout.project_path, out.path)
    yield from _save(engine, out)
    if not out.persist:
        engine.checkout.clear(out.path)
    elif os.path.lexists(os.path.join(engine.checkout.project_path, out.path)):
        make_private(engine.checkout.project_path, out.path, engine.checkout.cache)


def _save(engine: Engine, out: Output) -> Iterator[Event]:
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


def _job(engine: Engine, step: Step) -> Job:
    stage = step.stage
    return Job(
        key=step.key,
        label=stage.address,
        shell=engine.facts.shell,
        directory=stage.wdir,
        items=(Item("", stage.cmd, tuple(out.path for out in stage.outs)),),
        variables={"MLTRACK_ROOT": engine.checkout.project_path, "MLTRACK_STAGE": stage.address},
    )


def _follow(engine: Engine, stage: Stage, ticket: Ticket) -> Generator[Event, None, tuple[Poll, tuple[str, ...]]]:
    offset, tail = 0, b""
    while True:
        state = engine.runner.poll(ticket, offset, _POLL_SECONDS)
        if state.log:
            offset += len(state.log)
            tail = (tail + state.log)[-16384:]
            yield StageOutput(stage.address, state.log)
        if state.state is not State.RUNNING and not state.log:
            lines = tail.decode("utf-8", "replace").splitlines()
            return state, tuple(lines[-LAST_LINES:])


def _failure(result: Poll) -> str:
    command = result.command.strip().splitlines()[0] if result.command.strip() else ""
    shown = f"`{command[:100]}`" if command else "its command"
    if result.exit_code is not None and result.exit_code < 0:
        return f"{shown} was killed by {_signal_name(-result.exit_code)}"
    if result.exit_code == 127:
        return f"{shown} ended with exit code 127: a program in it was not found"
    return f"{shown} ended with exit code {result.exit_code}"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return name + (" (often: out of memory)" if name == "SIGKILL" else "")
