"""What experiments would do, before anything runs: which stages would run, which come
from earlier results, and which are the same in several of them.
"""

from collections.abc import Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby

from mltrack.experiments.record import Experiment
from mltrack.experiments.running import Runs
from mltrack.experiments.trial import Trial
from mltrack.formats import params_file
from mltrack.pipeline.plan import Step, Verdict


@dataclass(slots=True)
class Preview:
    """How many stages of all experiments would be run, restored or left as they are;
    ``shared`` are those that another experiment runs for them. ``stages`` names those
    that would run, with how often.
    """

    experiments: int = 0
    run: int = 0
    restore: int = 0
    shared: int = 0
    unchanged: int = 0
    stages: dict[str, int] = field(default_factory=dict)


def preview(runs: Runs, chosen: Sequence[Experiment]) -> Preview:
    """Returns what running experiments would do. Raises PipelineError for one whose
    pipeline cannot be.
    """
    found = Preview(experiments=len(chosen))
    ordered = sorted(chosen, key=lambda one: one.base)
    for _, group in groupby(ordered, key=lambda one: one.base):
        experiments = list(group)
        with ExitStack() as stack:
            ground = runs.ground(experiments[0], stack)
            seen: set[Hashable] = set()
            for one in experiments:
                trial = Trial(ground, one.given, one.targets)
                _count(trial, found, seen)
    return found


def _count(trial: Trial, found: Preview, seen: set[Hashable]) -> None:
    marks: dict[str, Hashable] = {}
    for step in trial.plan().steps:
        address = step.stage.address
        if step.verdict is Verdict.SKIP:
            found.unchanged += 1
            marks[address] = ("unchanged", address)
        elif step.verdict is Verdict.RESTORE:
            found.restore += 1
            marks[address] = step.key or ("restored", address)
        else:
            marks[address] = _mark(trial, step, marks)
            if marks[address] in seen:
                found.shared += 1
            else:
                found.run += 1
                found.stages[address] = found.stages.get(address, 0) + 1
                seen.add(marks[address])


def _mark(trial: Trial, step: Step, marks: dict[str, Hashable]) -> Hashable:
    """What tells a stage that is to run from others: its key, or, where that is yet to
    be known, its own values and those of the stages above it.
    """
    if step.key:
        return step.key
    stage = step.stage
    params = repr(
        [
            params_file.pick(
                trial.learner.params.values(file.path, stage), file.keys, file.path
            )
            for file in stage.params
        ]
    )
    above = tuple(marks.get(one) for one in trial.graph.upstream[stage.address])
    return (stage.address, stage.cmd, params, above)
