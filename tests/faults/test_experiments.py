"""``exp run`` that is killed, or whose disk breaks, at any change of the disk: the
workspace is as it was, what was reported done is there, the rest can go on.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.experiments import (
    ran,
    shown,
    standing,
    start,
    states,
    training,
    untouched,
)
from tests.support.workspace import Workspace

SWEEP = ("exp", "run", "-n", "t", "-S", "lr=0.1,0.2", "-j", "2")


def done_in(out: str) -> set[str]:
    """The names that were reported as done."""
    found = set()
    for line in out.splitlines():
        # the last line of one that was killed may be cut off
        if line.endswith("}"):
            event = json.loads(line)
            one = event["experiment"]
            if event["event"] == "ExperimentEnded" and one["state"] == "done":
                found.add(one["name"])
    return found


class Broken:
    """One sweep from one prepared state, broken at one place after another."""

    def __init__(self, ws: Workspace, home: Path) -> None:
        self.ws, self.count = training(ws), home / "count"
        self.template = home / "template"
        # with a change that no commit has
        ws.write("in.txt", "of the workspace\n")
        shutil.copytree(ws.path, self.template, symlinks=True)
        self.calls = self.run("none", 0)

    def reset(self) -> None:
        shutil.rmtree(self.ws.path)
        shutil.copytree(self.template, self.ws.path, symlinks=True)
        # a copy has other inodes: git notes them
        self.ws.git("status")
        Path(self.ws.environment["RAN"]).unlink(missing_ok=True)

    def run(self, mode: str, at: int) -> int:
        command = [sys.executable, "-P", "-m", "tests.support.breaking", mode]
        self.done = self.ws.run([*command, str(at), str(self.count), *SWEEP, "--json"])
        assert "Traceback" not in self.done.said, self.done.said
        return int(self.count.read_text()) if self.count.exists() else 0

    def check(self, at: int) -> None:
        """What was told is so, and the rest can go on."""
        told, now = done_in(self.done.out), states(self.ws)
        assert all(now.get(name) == "done" for name in told), (at, told, now)
        self.ws.mltrack("exp", "start")
        after = states(self.ws)
        assert set(after) == set(now), (at, now, after)
        assert set(after.values()) <= {"done"}, (at, after)
        # killed while it noted them, it may have noted the first alone
        if not after:
            self.ws.mltrack(*SWEEP)
        lrs = {"t-1": "0.1", "t-2": "0.2"}
        for name, lr in ((one, lrs[one]) for one in states(self.ws)):
            kept = self.ws.git("show", f"refs/mltrack/exps/{name}:metrics.json").out
            assert json.loads(kept) == {"acc": float(lr)}, at
        self.ws.mltrack("fsck")
        self.ws.git("fsck", "--strict", "--no-dangling")


STRIDE = int(os.environ.get("MLTRACK_STRIDE", "40"))
"""Of so many calls one breaks; `make soak` breaks more of them."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["kill", "torn", "ENOSPC+", "EIO"])
def test_a_sweep_that_breaks_anywhere_loses_nothing_and_touches_nothing(
    mode: str, ws: Workspace, tmp_path: Path
) -> None:
    broken = Broken(ws, tmp_path / "home")
    assert broken.calls > 30
    # a part of the calls for each mode, which begin at others: each takes seconds
    first = 1 + ["kill", "torn", "ENOSPC+", "EIO"].index(mode) * STRIDE // 4
    for at in range(first, broken.calls + 1, STRIDE):
        broken.reset()
        with untouched(ws):
            broken.run(mode, at)
            assert broken.done.code != 70, (at, broken.done.said)
            if mode not in ("kill", "torn") and broken.done.code == 0:
                assert set(states(ws).values()) == {"done"}, (at, broken.done.said)
            broken.check(at)


def test_a_sweep_that_is_killed_at_any_moment_goes_on(
    ws: Workspace,
) -> None:
    """By kill -9, commands and git included, at moments that nobody chose."""
    training(ws)
    values = ",".join(f"{n}" for n in range(1, 9))
    before = standing(ws)
    told: set[str] = set()
    running = start(ws, "run", "-n", "t", "-S", f"lr={values}", "-j", "3", "--json")
    for moment in (0.35, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8):
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGKILL)
        out, _ = running.communicate(timeout=60)
        told |= done_in(out)
        now = states(ws)
        assert all(now.get(name) == "done" for name in told), (told, now)
        assert "running" not in now.values()
        running = start(ws, "start", "-j", "3", "--json")
    running.communicate(timeout=120)
    if not states(ws):
        ws.mltrack("exp", "run", "-n", "t", "-S", f"lr={values}")
    ws.mltrack("exp", "start")
    assert standing(ws) == before
    found = shown(ws)
    assert len(found) == 8 and {row["state"] for row in found.values()} == {"done"}
    assert {row["metrics"]["metrics.json"]["acc"] for row in found.values()} == set(
        range(1, 9)
    )
    ws.git("fsck", "--strict", "--no-dangling")
    ws.mltrack("fsck")


@pytest.mark.parametrize("round_", range(3))
def test_two_sweeps_at_once_run_each_key_once(round_: int, ws: Workspace) -> None:
    training(ws)
    values = ",".join(f"{n}" for n in range(1, 7))
    with untouched(ws):
        both = [start(ws, "run", "-S", f"lr={values}", "-j", "2") for _ in range(2)]
        for process in both:
            said, _ = process.communicate(timeout=120)
            assert process.returncode == 0, said
    assert sorted(ran(ws)) == [f"{n} 2" for n in range(1, 7)]
    assert len(states(ws)) == 12 and set(states(ws).values()) == {"done"}
