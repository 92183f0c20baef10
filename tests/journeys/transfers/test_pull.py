"""fetch and pull bring all, one target, or what revisions need."""

import shutil
from pathlib import Path

from tests.support.workspace import Workspace


def test_a_fresh_clone_pulls_everything(pushed: Workspace, tmp_path: Path) -> None:
    other = pushed.clone(tmp_path / "clone")
    assert "not in the cache" in other.mltrack("status").out
    other.mltrack("pull")
    for place in ("data", "big.bin", "out"):
        assert other.files(place) == pushed.files(place)
    assert "Nothing changed" in other.mltrack("status", "--check").out
    assert "1 unchanged" in other.mltrack("repro").out


def test_pull_of_one_target_brings_only_that(pushed: Workspace, tmp_path: Path) -> None:
    other = pushed.clone(tmp_path / "clone")
    other.mltrack("pull", "big.bin")
    assert other.exists("big.bin") and not other.exists("data")


def test_fetch_of_revisions_lets_checkout_work_offline(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write("data/d0/0", "second")
    pushed.mltrack("add", "data")
    pushed.commit(tag="v2")
    pushed.mltrack("push")
    other = pushed.clone(tmp_path / "clone")
    other.mltrack("fetch", "--rev", "v1", "--rev", "v2")
    shutil.rmtree(tmp_path / "store")
    other.git("checkout", "--quiet", "v1")
    other.mltrack("checkout")
    assert other.read("data/d0/0") == "file 0"
