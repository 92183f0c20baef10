"""GPU slots: nobody shares one, nobody overtakes, nothing stays taken."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mltrack.disk.abilities import Ability, has
from mltrack.runners.worker import slots as module
from mltrack.runners.worker.slots import Gpu, Slots
from tests.support.abilities import needs
from tests.support.workspace import ROOT

GB = 10**9


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(["0", "1", "2"], str(tmp_path / "locks"))


def test_a_request_takes_all_that_it_wants_or_nothing(slots: Slots) -> None:
    first = slots.request(2, {"label": "a"})
    assert first.try_take() and first.names == ["0", "1"]
    second = slots.request(2, {})
    assert not second.try_take() and [slot.holder is None for slot in slots.held()] == [
        False,
        False,
        True,
    ]
    first.release()
    assert second.try_take() and second.names == ["0", "1"]


@needs(Ability.NAME_LOCKS)
def test_who_came_first_is_served_first_however_little_others_want(
    slots: Slots,
) -> None:
    holder = slots.request(1, {})
    assert holder.try_take()
    large, small = slots.request(3, {}), slots.request(1, {})
    assert not small.try_take() and not large.try_take()
    holder.release()
    assert not small.try_take() and large.try_take()
    large.release()
    assert small.try_take()


@needs(Ability.NAME_LOCKS)
def test_who_leaves_the_line_holds_up_nobody(slots: Slots) -> None:
    first, second = slots.request(3, {}), slots.request(1, {})
    assert not second.try_take()
    first.release()
    assert second.try_take()


def test_a_random_crowd_never_shares_a_gpu(slots: Slots) -> None:
    chance = random.Random(7)
    waiting: list[module.Request] = []
    holding: list[module.Request] = []
    served: list[int] = []
    for number in range(300):
        request = slots.request(chance.randint(1, 3), {"number": number})
        waiting.append(request)
        for one in chance.sample(holding, chance.randint(0, len(holding))):
            one.release()
            holding.remove(one)
        for one in chance.sample(waiting, len(waiting)):
            if one.try_take():
                served.append(one._place)
                waiting.remove(one)
                holding.append(one)
        names = [name for one in holding for name in one.names]
        assert len(names) == len(set(names)) <= 3
    if has(Ability.NAME_LOCKS):
        assert served == sorted(served)


def test_a_holder_that_is_killed_holds_nothing_and_its_command_still_does(
    tmp_path: Path,
) -> None:
    """The lock is the command's too: a GPU is free when the last process that may use
    it has ended.
    """
    program = (
        "import subprocess, sys, time\n"
        "from mltrack.runners.worker.slots import Slots\n"
        f"request = Slots(['0'], {str(tmp_path / 'locks')!r}).request(1, {{'pid': 1}})\n"
        "assert request.try_take()\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=request.descriptors)\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    slots = Slots(["0"], str(tmp_path / "locks"))
    request = slots.request(1, {})
    holder.kill()
    holder.wait()
    assert not request.try_take() and slots.held()[0].holder is not None
    os.kill(child, 9)
    deadline = time.monotonic() + 30
    while not request.try_take():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_gpu_that_others_use_is_left_alone(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = [
        Gpu("0", "A", 80 * GB, 10 * GB),
        Gpu("1", "A", 80 * GB, 79 * GB),
        Gpu("2", "A", 80 * GB, 50 * GB),
    ]
    monkeypatch.setattr(module, "nvml_gpus", lambda: gpus)
    request = slots.request(1, {})
    assert request.try_take() and request.names == ["1"]
    assert [slot.is_foreign for slot in slots.held()] == [True, False, True]
    assert not slots.request(1, {}).try_take()


def test_a_claim_on_memory_says_which_gpus_will_do(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = [
        Gpu("0", "A", 80 * GB, 10 * GB),
        Gpu("1", "A", 80 * GB, 50 * GB),
        Gpu("2", "A", 80 * GB, 50 * GB),
    ]
    monkeypatch.setattr(module, "nvml_gpus", lambda: gpus)
    request = slots.request(2, {}, 40 * GB)
    assert request.try_take() and request.names == ["1", "2"]


def test_files_that_others_prepared_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    locks = tmp_path / "locks"
    locks.mkdir()
    slots = Slots(["0", "1"], str(locks))
    for prepare in (
        lambda: (locks / "gpu-0").symlink_to(victim),
        lambda: os.link(victim, locks / "gpu-0"),
    ):
        prepare()
        request = slots.request(1, {})
        with pytest.raises(OSError):
            request.try_take()
        request.release()
        (locks / "gpu-0").unlink()
    assert victim.read_text() == "precious"


def test_a_lock_file_that_is_removed_while_it_is_taken_is_not_the_lock(
    slots: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "locks/gpu-0"
    flock = module.fcntl.flock
    removed = []

    def removed_before_it_is_locked(descriptor: int, how: int) -> None:
        if not removed and os.readlink(f"/proc/self/fd/{descriptor}") == str(place):
            removed.append(place.unlink())
        flock(descriptor, how)

    monkeypatch.setattr(module.fcntl, "flock", removed_before_it_is_locked)
    first, second = slots.request(1, {}), slots.request(1, {})
    assert first.try_take() and first.names == ["0"] and removed
    assert second.try_take() and second.names == ["1"]


def test_what_is_held_looks_used_to_who_cleans_temporary_directories(
    slots: Slots, tmp_path: Path
) -> None:
    request = slots.request(1, {})
    assert request.try_take()
    os.utime(tmp_path / "locks/gpu-0", (1, 1))
    request.touch()
    assert (tmp_path / "locks/gpu-0").stat().st_mtime > time.time() - 60
