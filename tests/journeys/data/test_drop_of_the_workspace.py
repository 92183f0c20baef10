"""drop --workspace: everything local goes that a remote holds, and pull brings it back."""

from pathlib import Path

import pytest

from tests.support.stored import cached
from tests.support.workspace import Workspace

PIPELINE = """stages:
  s: {cmd: mkdir -p o && cat d/1 > o/1 && echo 2 > m, deps: [d], outs: [o, {m: {cache: false}}]}
"""


@pytest.fixture
def pushed(shared: Workspace) -> Workspace:
    shared.write("d/1", "1\n")
    shared.write("d/sub/2", "2\n")
    shared.write("model.bin", "model\n" * 100)
    shared.write("mltrack.yaml", PIPELINE)
    shared.mltrack("add", "d", "model.bin")
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.commit("data")
    return shared


def test_everything_goes_and_pull_brings_everything_back(pushed: Workspace) -> None:
    before, in_cache = pushed.files(), cached(pushed)
    would = pushed.mltrack("drop", "--workspace", "--dry-run", "--json").json
    assert pushed.files() == before and cached(pushed) == in_cache
    done = pushed.mltrack("drop", "--workspace", "--json").json
    assert {**would, "dry_run": False} == done
    assert done["files"] == 4 and done["objects"] == 3
    for path in ("d", "model.bin", "o"):
        assert not pushed.exists(path)
    # git keeps that one
    assert pushed.read("m") == "2\n" and pushed.exists("d.mlt")
    assert pushed.git("status", "--porcelain").out == ""
    pushed.mltrack("pull")
    assert pushed.files() == before
    assert "1 unchanged" in pushed.mltrack("repro").said
    assert "modified" not in pushed.mltrack("status").out


def test_one_target_and_a_part_of_one_are_dropped(pushed: Workspace) -> None:
    pushed.mltrack("drop", "--workspace", "model.bin", "d/sub")
    assert not pushed.exists("model.bin") and not pushed.exists("d/sub")
    assert pushed.read("d/1") == "1\n" and pushed.read("o/1") == "1\n"
    status = pushed.mltrack("status", "--json").json["data"]
    assert {item["path"]: item["state"] for item in status}["d"] == "partial"
    pushed.mltrack("pull")
    assert pushed.read("d/sub/2") == "2\n"


def test_what_no_remote_holds_stays_unless_forced(pushed: Workspace) -> None:
    pushed.write("new.bin", "new\n")
    pushed.mltrack("add", "new.bin")
    before, in_cache = pushed.files(), cached(pushed)
    done = pushed.mltrack("drop", "--workspace", code=1)
    assert "1 of 4 objects are in no remote (new.bin)" in done.err
    assert "mltrack push" in done.err
    assert pushed.files() == before and cached(pushed) == in_cache
    assert len(pushed.mltrack("drop", "-w", "--force", "--json").json["lost"]) == 1
    assert not pushed.exists("new.bin") and pushed.exists("new.bin.mlt")


@pytest.mark.parametrize("option", [(), ("--force",)])
def test_a_file_that_is_not_recorded_is_never_removed(
    pushed: Workspace, option: tuple[str, ...]
) -> None:
    pushed.write("d/own", "own\n")
    before, in_cache = pushed.files(), cached(pushed)
    done = pushed.mltrack("drop", "--workspace", *option, code=1)
    assert "d/own differs from what is recorded" in done.err
    assert pushed.files() == before and cached(pushed) == in_cache


def test_files_whose_objects_were_dropped_before_are_removed_too(
    pushed: Workspace,
) -> None:
    pushed.mltrack("drop", "d", "model.bin", "o")
    pushed.mltrack("drop", "--workspace")
    assert not pushed.exists("d") and not pushed.exists("model.bin")
    pushed.mltrack("pull")
    assert pushed.read("d/1") == "1\n"


def test_the_remote_is_asked_for_files_that_only_the_workspace_has(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.mltrack("drop", "model.bin")
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file() and path.name != "mltrack.json":
            path.unlink()
    assert "model.bin" in pushed.mltrack("drop", "-w", "model.bin", code=1).err
    assert pushed.read("model.bin") == "model\n" * 100


def test_links_into_the_cache_go_with_what_they_lead_to(pushed: Workspace) -> None:
    pushed.mltrack("config", "--local", "cache.link", "symlink")
    pushed.mltrack("checkout", "--relink")
    assert "--workspace" in pushed.mltrack("drop", "d", code=1).err
    pushed.mltrack("drop", "--workspace")
    assert not pushed.exists("model.bin")
    pushed.mltrack("pull")
    assert pushed.read("d/sub/2") == "2\n"


def test_age_and_workspace_exclude_each_other(pushed: Workspace) -> None:
    done = pushed.mltrack("drop", "--workspace", "--older-than", "3", code=2)
    assert "--workspace excludes --older-than" in done.err
