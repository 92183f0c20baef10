"""The two ways in which a stage runs: in the workspace itself, or apart from it. Each
takes the same steps.

Before a run dependencies are brought and hashed, and room is made; after it the outputs
are put where they belong, and what was read is looked at again, if it can have changed.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from mltrack.engine.commit import Basis, entry_of
from mltrack.engine.events import CheckpointRestored, Event
from mltrack.engine.fault import refused
from mltrack.engine.parts import Engine
from mltrack.engine.running import NOTHING_UPCOMING, Attempt, Prepared, Way
from mltrack.engine.saving import save
from mltrack.engine.staging import stage_inputs
from mltrack.engine.undeclared import Interval
from mltrack.errors import FormatError, PipelineError, WorkspaceError
from mltrack.pipeline.differences import input_reasons
from mltrack.pipeline.plan import Step
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.stage import OUT, Inputs, Output, Stage
from mltrack.runners.job import Job, Poll, Works
from mltrack.runners.runner import Runner
from mltrack.workspace.links import make_private
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.stillness import Moment, stood_still


def way_of(engine: Engine, runner: Runner) -> Way:
    """Returns how a stage runs on a runner."""
    return (
        InPlace(engine) if runner.abilities.works is Works.IN_PLACE else Apart(engine)
    )


class InPlace:
    """In the workspace: its outputs are written where they belong, and its inputs may
    change under it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def bring(self, stage: Stage) -> tuple[str, ...]:
        return self._engine.supply.bring_inputs(stage)

    def moments(self, before: Inputs) -> dict[str, Moment]:
        return self._engine.tree.learner.moments(before.deps)

    def prepare(self, step: Step, job: Job) -> Generator[Event, None, Prepared]:
        engine, stage = self._engine, step.stage
        for out in stage.outs:
            yield from self._prepare_output(out)
        # git keeps no empty directories: in a clone it may not be there
        engine.recorder.committer.make_directory(stage.wdir)
        directory = stage.execution.checkpoint
        if directory and engine.recorder.checkpoints.restore(directory, step.key):
            yield CheckpointRestored(stage.address, directory)
        return job, None

    def _prepare_output(self, out: Output) -> Iterator[Event]:
        tree = self._engine.tree
        make_parents(tree.path, out.path)
        yield from save(tree, out)
        if not out.persist:
            # after saving; a command that appends would go on from the last result
            tree.checkout.clear(out.path)
        elif os.path.lexists(os.path.join(tree.path, out.path)):
            # written through a link, the object in the cache would change
            make_private(tree.path, out.path, tree.checkout.cache)

    def make_room(self, stage: Stage) -> Iterator[Event]:
        return iter(())  # the command wrote where they belong

    def changed(self, attempt: Attempt) -> tuple[Reason, ...]:
        stage, learner = attempt.stage, self._engine.tree.learner
        shell = self._engine.policy.facts.shell
        learner.forget(stage)
        try:
            after, _ = learner.inputs(stage, NOTHING_UPCOMING)
        except (PipelineError, FormatError) as error:
            # half-edited, perhaps: what it read is not what anybody can tell now
            raise refused(error) from error
        # compared as a lock's entry would be, so that both name the same differences
        reference = entry_of(stage, Basis(attempt.before, shell), {})
        changed = [
            reason
            for reason in input_reasons(stage, reference, after, shell)
            # the reference has no outputs: each would be new
            if reason.cause is not Cause.OUTPUT_ADDED
        ]
        told = {reason.subject for reason in changed}
        now = learner.moments(after.deps)
        changed += [
            # the same bytes again, but not all the time
            Reason(Cause.DEPENDENCY_CHANGED, path)
            for path, moment in attempt.moments.items()
            if path not in told and path in now and not stood_still(moment, now[path])
        ]
        return tuple(changed)

    def interval(self, attempt: Attempt) -> Interval | None:
        return attempt.interval()

    def keep_checkpoint(self, attempt: Attempt) -> None:
        directory = attempt.stage.execution.checkpoint
        if directory:
            self._engine.recorder.checkpoints.save(directory, attempt.step.key)

    def keep_logged(self, attempt: Attempt, result: Poll) -> Iterator[Event]:
        return iter(())  # it wrote where they belong

    def forget_checkpoint(self, attempt: Attempt) -> None:
        directory = attempt.stage.execution.checkpoint
        if directory:
            self._engine.recorder.checkpoints.forget(directory, attempt.step.key)


class Apart:
    """In another place, with copies of its own: nothing of the workspace changes before
    its result is taken.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def bring(self, stage: Stage) -> tuple[str, ...]:
        return self._engine.supply.bring_apart(stage)

    def moments(self, before: Inputs) -> dict[str, Moment]:
        return {}

    def prepare(self, step: Step, job: Job) -> Generator[Event, None, Prepared]:
        """The job as one in another place: its inputs as objects, the values of its
        variables, and what may stay there. Raises Failed for inputs that changed just
        now.
        """
        stage, tree = step.stage, self._engine.tree
        known = {
            path: content if content.hex else None
            for path, content in job.inputs.items()
            if path not in job.files
        }
        # no digest is expected: what it goes on from is no part of the run key
        known.update(dict.fromkeys(job.kept))
        try:
            staged = stage_inputs(
                tree.checkout.observer,
                tree.checkout.cache,
                known,
                tree.learner.absent_at,
            )
        except WorkspaceError as error:
            raise refused(error) from error
        environment = tree.learner.sources.environment
        given = {
            name: environment[name] for name in stage.env.vars if name in environment
        }
        variables = {**given, **job.variables}
        # this machine's path; the worker sets its own
        variables.pop("MLTRACK_ROOT", None)
        unset = tuple(name for name in stage.env.vars if name not in environment)
        apart = replace(
            job,
            inputs=staged.inputs,
            variables=variables,
            unset=unset,
            left=self._may_stay(stage),
            isolated=True,
        )
        # a generator as its sibling is, which has events to tell
        yield from ()
        return apart, staged

    def _may_stay(self, stage: Stage) -> frozenset[str]:
        if not self._engine.policy.leaves:
            return frozenset()
        return frozenset(
            out.path for out in stage.outs if out.cache and out.type == OUT
        )

    def make_room(self, stage: Stage) -> Iterator[Event]:
        # only once there is a result: until then the last one stays where it is
        return self._clear(stage.outs)

    def _clear(self, outs: Iterable[Output]) -> Iterator[Event]:
        tree = self._engine.tree
        for out in outs:
            make_parents(tree.path, out.path)
            yield from save(tree, out)
            tree.checkout.clear(out.path)

    def changed(self, attempt: Attempt) -> tuple[Reason, ...]:
        return ()

    def interval(self, attempt: Attempt) -> Interval | None:
        return None

    def keep_checkpoint(self, attempt: Attempt) -> None:
        """The runner keeps it where the job ran."""

    def keep_logged(self, attempt: Attempt, result: Poll) -> Iterator[Event]:
        outs = [out for out in attempt.stage.outs if out.path in result.logged]
        if outs:
            yield from self._clear(outs)
            attempt.runner.fetch(attempt.ticket)

    def forget_checkpoint(self, attempt: Attempt) -> None:
        """As for keeping."""
