"""What running experiments keeps beside the cache, and who removes it."""

import os
import subprocess
import sys
import time

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def tried(ws: Workspace) -> Workspace:
    """A project with an experiment, whose stage waits for a file if it is told to."""
    ws.write("params.yaml", "n: 0\n")
    ws.write("data.bin", "x" * 200_000)
    ws.mltrack("add", "data.bin")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat params.yaml data.bin > out; "
        'while test -n "$HOLD" -a -e "$HOLD"; do sleep 0.05; done\n'
        "    deps: [data.bin]\n    params: [n]\n    outs: [out]\n",
    )
    ws.commit("one")
    ws.mltrack("exp", "run", "-n", "first", "-S", "n=1")
    return ws


def test_du_counts_what_experiments_keep_ready_and_gc_removes_it(
    tried: Workspace,
) -> None:
    objects = tried.path / ".mltrack/exps/objects"
    assert objects.exists()
    assert tried.mltrack("du", "--json").json["cache"]["experiments"] >= 200_000
    tried.mltrack("gc", "--dry-run")
    assert objects.exists()
    tried.mltrack("gc")
    assert not objects.exists()
    assert tried.mltrack("du", "--json").json["cache"]["experiments"] < 100_000
    # what is done stays, and the next one has what it needs
    tried.mltrack("exp", "run", "-n", "second", "-S", "n=2")
    assert tried.mltrack("cat", "out", "--rev", "first").out.startswith("n: 1\n")


def test_gc_leaves_alone_what_an_experiment_reads_now(tried: Workspace) -> None:
    hold = tried.path.parent / "hold"
    hold.touch()
    running = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "mltrack",
            "exp",
            "run",
            "-n",
            "slow",
            "-S",
            "n=3",
        ],
        cwd=tried.path,
        env={**tried.environment, "HOLD": str(hold)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while '"running"' not in tried.mltrack("exp", "status", "--json").out:
            assert time.monotonic() < end
        tried.mltrack("gc")
        assert (tried.path / ".mltrack/exps/objects").exists()
    finally:
        os.unlink(hold)
        assert running.wait(60) == 0
    assert tried.mltrack("cat", "out", "--rev", "slow").out.startswith("n: 3\n")
