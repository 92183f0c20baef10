"""What ``dag`` says of each box: what ``repro`` would do with the stage, or that it
failed.
"""

from contextlib import suppress

from mltrack.errors import MltrackError
from mltrack.pipeline.layout import Edges
from mltrack.pipeline.plan import Step, Verdict
from mltrack.runners.logs import ended
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session

UNCHANGED, RESTORE, RUN = "unchanged", "to restore", "to run"
FAILED, FROZEN = "failed", "frozen"
# what most is to be done for comes first
_ORDER = (FAILED, RUN, RESTORE, UNCHANGED, FROZEN)


def states_of(session: Session, edges: Edges) -> dict[str, str]:
    """Returns the states of stages, and of groups of them, by the names of a graph;
    none at all where the plan cannot be made.
    """
    with suppress(MltrackError):
        plan = Repro(session, ReproOptions()).plan()
        finished: dict[str, float] = {}
        for _, record in session.project.run_cache.all():
            before = finished.get(record.stage, 0.0)
            finished[record.stage] = max(before, record.started)
        states = {
            step.stage.address: _state(session, step, finished) for step in plan.steps
        }
        groups: dict[str, set[str]] = {}
        for address, state in states.items():
            groups.setdefault(address.partition("@")[0], set()).add(state)
        of_groups = {
            name: next(state for state in _ORDER if state in found)
            for name, found in groups.items()
        }
        return {
            name: states.get(name) or of_groups[name]
            for name in edges
            if name in states or name in of_groups
        }
    return {}


def _state(session: Session, step: Step, finished: dict[str, float]) -> str:
    address = step.stage.address
    if step.stage.frozen:
        return FROZEN
    if step.verdict is Verdict.SKIP:
        return UNCHANGED
    if step.verdict is Verdict.RESTORE:
        return RESTORE
    failures = [
        one.started
        for one in ended(session.project.jobs_path, address)
        if one.state == "failed"
    ]
    # a run that ended well since makes an old failure history
    if max(failures, default=-1.0) > finished.get(address, 0.0):
        return FAILED
    return RUN
