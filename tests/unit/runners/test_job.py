"""Jobs and what is known of them, as plain data."""

import pytest

from mltrack.runners.job import MachineReport, State
from mltrack.runners.worker.slots import Gpu, Slot


@pytest.mark.parametrize("state", State)
def test_what_waits_or_runs_is_not_over(state: State) -> None:
    assert state.is_over == (state not in (State.QUEUED, State.RUNNING))
    assert State(state.value) is state


def test_gpus_that_others_use_are_noted_by_name() -> None:
    free, held = Slot(Gpu("0"), None, False), Slot(Gpu("1"), {"pid": 1}, False)
    foreign = [Slot(Gpu(name), None, True) for name in ("2", "GPU-3")]
    quiet = MachineReport.of("box", {"cpus": 2}, [free, held], ["why"], ["note"])
    assert quiet == MachineReport("box", {"cpus": 2}, (free, held), ("why",), ("note",))
    loud = MachineReport.of("box", {}, [free, *foreign], [], ["note"])
    assert loud.notes == (
        "GPU 2, GPU-3: its memory is in use by programs that are not mltrack's",
        "note",
    )
