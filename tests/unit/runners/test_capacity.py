"""How much of each resource this machine has, and which GPUs it shows."""

import os
from pathlib import Path

import pytest

from mltrack.disk.abilities import Ability
from mltrack.runners import capacity
from mltrack.runners.capacity import CPUS, GPUS, MEMORY, machine, visible_gpus
from tests.support.abilities import needs


@pytest.mark.parametrize(
    ("set_to", "count", "names"),
    [
        (None, 3, ["0", "1", "2"]),
        (None, 0, []),
        ("", 2, ["0", "1"]),
        ("4,5,7", 2, ["4", "5"]),
        (" 4 , 5 ", 3, ["4", "5"]),
        ("GPU-1a,,GPU-2b", 2, ["GPU-1a", "GPU-2b"]),
    ],
)
def test_gpus_are_those_that_are_visible(
    monkeypatch: pytest.MonkeyPatch, set_to: str | None, count: int, names: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if set_to is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", set_to)
    assert visible_gpus(count) == names


@pytest.mark.parametrize(
    ("set_to", "count"), [("", 0), ("-1", 0), ("0", 1), ("4,5,7", 3), ("4, ,5", 2)]
)
def test_gpus_that_are_hidden_are_not_there(
    monkeypatch: pytest.MonkeyPatch, set_to: str, count: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", set_to)
    assert machine()[GPUS] == count


def test_the_drivers_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    names = ["nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "nvidia0x", "null"]
    monkeypatch.setattr(os, "listdir", lambda path: names)
    assert machine()[GPUS] == 2

    def fails(path: str) -> list[str]:
        raise PermissionError(path)

    monkeypatch.setattr(os, "listdir", fails)
    assert machine()[GPUS] == 0


@needs(Ability.AFFINITY)
def test_cpus_are_those_that_this_process_may_use() -> None:
    usual = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(usual)})
        assert machine()[CPUS] == 1.0
    finally:
        os.sched_setaffinity(0, usual)
    assert machine()[CPUS] == len(usual)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (["1000", None], 1000.0),
        (["max", None], None),
        (["max", "2000"], 2000.0),
        ([None, "3000"], 3000.0),
        ([None, str(1 << 62)], None),
        ([None, None], None),
    ],
)
def test_memory_is_what_the_group_of_this_process_may_have(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limits: list[str | None],
    expected: float | None,
) -> None:
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    places = {}
    for name, limit in zip(
        ("memory.max", "memory/memory.limit_in_bytes"), limits, strict=True
    ):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        if limit is not None:
            place.write_text(f"{limit}\n")
        places[f"/sys/fs/cgroup/{name}"] = str(place)

    def opened(path: str, **named: str) -> object:
        return open(places[path], **named)  # type: ignore[call-overload]

    monkeypatch.setattr(capacity, "open", opened, raising=False)
    assert machine()[MEMORY] == (total if expected is None else expected)
