"""What a run has before it: how many stages, what each waits for, and how long each took
when it last ran.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mltrack.engine.lock_state import LockState
from mltrack.pipeline.plan import Plan, Verdict
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.verbs.session import Session


class Expectation(NamedTuple):
    """``total`` counts the stages that the run decides about. ``needs`` are, by stage,
    those of them that it waits for; ``seconds`` are known for stages that ran before.
    """

    total: int
    needs: Mapping[str, tuple[str, ...]]
    seconds: Mapping[str, float]


def expect(
    session: Session, plan: Plan, upstream: Mapping[str, tuple[str, ...]]
) -> Expectation:
    """Returns what carrying out a plan has before it."""
    steps = {step.stage.address: step for step in plan.steps}
    needs = {
        address: tuple(one for one in upstream[address] if one in steps)
        for address in steps
    }
    locks = session.view.lock_state
    seconds: dict[str, float] = {}
    for address, step in steps.items():
        if step.verdict not in (Verdict.RUN, Verdict.WAIT):
            continue
        entry = locks.entry(step.stage) if isinstance(locks, LockState) else None
        if entry is None:
            continue
        # the record of the result that the lock names: the latest one here
        key = run_key(entry_parts(entry), session.project.algorithm)
        for record in session.project.run_cache.find(key)[:1]:
            if record.seconds:
                seconds[address] = record.seconds
    return Expectation(len(steps), needs, seconds)
