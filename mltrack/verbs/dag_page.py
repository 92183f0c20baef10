"""``dag --html`` and ``--critical-path``: what there is to say of the boxes, and which
stages a run waits for longest.
"""

from mltrack.pipeline.graph_page import Box
from mltrack.pipeline.layout import Edges
from mltrack.pipeline.plan import Step
from mltrack.pipeline.stage import Stage
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session


def boxes_of(session: Session, edges: Edges, labels: dict[str, str]) -> dict[str, Box]:
    """Returns a box for each name of a graph: of a stage with its command, what it
    reads and writes, and what `repro` would do with it.
    """
    plan = Repro(session, ReproOptions()).plan()
    steps = {step.stage.address: step for step in plan.steps}
    return {name: _box(labels[name], name, steps) for name in edges}


def _box(label: str, name: str, steps: dict[str, Step]) -> Box:
    step = steps.get(name)
    if step is None:
        members = tuple(one for one in steps if one.partition("@")[0] == name)
        listed = (("stages", members),) if members else ()
        return Box(label, _state_of(members, steps), listed)
    stage = step.stage
    facts = (
        ("command", stage.cmd),
        ("reads", stage.reads),
        ("params", _params(stage)),
        ("writes", tuple(out.path for out in stage.outs)),
        ("why", tuple(f"{one.cause.value} {one.subject}" for one in step.reasons)),
    )
    return Box(label, step.verdict.value, tuple(one for one in facts if one[1]))


def _params(stage: Stage) -> tuple[str, ...]:
    return tuple(
        f"{file.path}: {', '.join(file.keys) if file.keys else 'all'}"
        for file in stage.params
    )


def _state_of(members: tuple[str, ...], steps: dict[str, Step]) -> str:
    """The state of a group: of its members the one that most is to be done for."""
    states = {steps[one].verdict.value for one in members}
    order = ("run", "wait", "restore", "skip")
    return next((state for state in order if state in states), "")


def critical_path(session: Session) -> list[tuple[str, float]]:
    """Returns the stages that a run of everything waits for longest, in their order,
    with how long each took the last time; those that never ran count as nothing.
    """
    work = Repro(session, ReproOptions(force=True))
    plan = work.plan()
    expected = work.expect(plan)
    before: dict[str, str] = {}
    total: dict[str, float] = {}
    for step in plan.steps:
        name = step.stage.address
        needs = expected.needs[name]
        slowest = max(needs, key=lambda one: total[one], default="")
        before[name] = slowest
        total[name] = total.get(slowest, 0.0) + expected.seconds.get(name, 0.0)
    if not total:
        return []
    path: list[tuple[str, float]] = []
    name = max(total, key=lambda one: total[one])
    while name:
        path.append((name, expected.seconds.get(name, 0.0)))
        name = before[name]
    return path[::-1]
