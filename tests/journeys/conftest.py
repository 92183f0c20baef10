"""Projects at points from which journeys on several subjects set out."""

from pathlib import Path

import pytest

from tests.support.steps import CHAIN
from tests.support.stored import LARGE
from tests.support.workspace import Workspace


@pytest.fixture
def two(shared: Workspace) -> Workspace:
    """A project with two versions of its data in git; both are in the cache, none is
    pushed.
    """
    for number in range(10):
        shared.write(f"data/{number}", f"file {number}")
    shared.write("data/big", LARGE)
    shared.mltrack("add", "data")
    shared.commit(tag="v1")
    shared.write("data/0", "second version")
    shared.write("data/big", LARGE[::-1])
    shared.mltrack("add", "data")
    shared.commit("second")
    return shared


@pytest.fixture
def origin(shared: Workspace, tmp_path: Path) -> Workspace:
    """A project with a directory and a file in git and in a remote, and a git remote;
    gc waits for nothing.
    """
    shared.mltrack("config", "gc.grace_days", "0")
    shared.mltrack("config", "gc.delay_hours", "0")
    for name in ("1", "2", "sub/3"):
        shared.write(f"d/{name}", f"{name}\n")
    shared.write("model.bin", "model\n")
    shared.mltrack("add", "d", "model.bin")
    shared.commit("data")
    shared.mltrack("push")
    shared.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    shared.git("push", "--quiet", "--set-upstream", "origin", "main")
    return shared


@pytest.fixture
def clone(origin: Workspace, tmp_path: Path) -> Workspace:
    return origin.clone(tmp_path / "clone")


@pytest.fixture
def pushed(shared: Workspace) -> Workspace:
    """A project with two versions of a directory and a stage's output, all of it
    pushed.
    """
    for number in range(20):
        shared.write(f"data/d{number % 3}/{number}", f"file {number}")
    shared.write("big.bin", bytes(2 << 20))
    shared.mltrack("add", "data", "big.bin")
    shared.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp data/d0/0 out\n    deps: [data]\n    outs: [out]\n",
    )
    shared.mltrack("repro")
    shared.commit(tag="v1")
    shared.mltrack("push")
    return shared


@pytest.fixture
def chain(ws: Workspace) -> Workspace:
    ws.write("in.txt", "hello\n")
    ws.write("params.yaml", "word: one\nother: 1\n")
    ws.write("mltrack.yaml", CHAIN)
    return ws
