"""What runner check says of a machine."""

import pytest

from mltrack.cli import runner
from mltrack.runners.job import MachineReport
from mltrack.runners.worker.slots import Gpu, Slot


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "2 cpus, {} memory, 0 GPUs"),
        (1, "1 cpu, {} memory, 1 GPU"),
        (2, "2 cpus, {} memory, 2 GPUs"),
    ],
)
def test_plural_forms_are_right(
    count: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"cpus": 1 if count == 1 else 2, "memory": 2_000_000_000}
    slots = tuple(Slot(Gpu(str(number)), None, False) for number in range(count))
    runner._show(MachineReport("here", facts, slots))
    assert f"  {said.format('2.0 GB')}\n" in capsys.readouterr().out
