"""A .gitkeep that git tracks makes an output's directory be there in a clone, and is no
part of the output.
"""

from pathlib import Path

import pytest

from tests.support.steps import verdicts
from tests.support.workspace import Workspace

PIPELINE = """stages:
  s:
    cmd: test -d o && echo 1 > o/1 && mkdir -p o/sub && echo 2 > o/sub/2
    deps: [in]
    outs: [o]
"""


@pytest.fixture
def kept(shared: Workspace) -> Workspace:
    shared.write("o/.gitkeep", "")
    shared.write("o/sub/.gitkeep", "")
    shared.write("in", "1\n")
    shared.write("mltrack.yaml", PIPELINE)
    shared.commit("start")
    return shared


def test_the_file_stays_through_a_run_and_is_no_part_of_the_output(
    kept: Workspace,
) -> None:
    kept.mltrack("repro")
    assert kept.exists("o/.gitkeep") and kept.exists("o/sub/.gitkeep")
    listed = kept.mltrack("ls", "-R", "o", "--json").json["tracked"]
    assert [item["path"] for item in listed] == ["o/1", "o/sub/2"]
    assert verdicts(kept)["s"] == "skip"
    kept.commit("ran", tag="one")
    kept.write("in", "2\n")
    kept.mltrack("repro", "--force")
    assert kept.exists("o/.gitkeep")
    assert kept.git("status", "--porcelain").out.strip().split("\n") == [
        "M in",
        " M mltrack.lock",
    ]


def test_a_checkout_writes_around_the_file(kept: Workspace, tmp_path: Path) -> None:
    kept.mltrack("repro")
    kept.mltrack("push")
    kept.commit("ran")
    clone = kept.clone(tmp_path / "clone")
    assert clone.files("o") == {
        "o/.gitkeep": "file b''",
        "o/sub": "directory",
        "o/sub/.gitkeep": "file b''",
    }
    clone.mltrack("pull")
    assert clone.read("o/sub/2") == "2\n" and clone.exists("o/.gitkeep")
    assert "1 unchanged" in clone.mltrack("repro").out
    clone.mltrack("drop", "--workspace", "o")
    assert not clone.exists("o/1") and clone.exists("o/.gitkeep")
    assert clone.git("status", "--porcelain").out == ""


@pytest.mark.parametrize("option", ["sandbox: true", "always_changed: true"])
def test_the_file_stays_however_the_stage_runs(kept: Workspace, option: str) -> None:
    kept.write(
        "mltrack.yaml",
        PIPELINE.replace("test -d o", "mkdir -p o") + f"    {option}\n",
    )
    kept.mltrack("repro")
    kept.mltrack("repro", "--force")
    assert kept.exists("o/.gitkeep") and kept.read("o/1") == "1\n"


def test_a_tracked_directory_may_hold_the_file_too(kept: Workspace) -> None:
    kept.write("d/.gitkeep", "")
    kept.commit("d")
    kept.write("d/1", "1\n")
    assert "1 file" in kept.mltrack("add", "d").out
    assert "Nothing changed" in kept.mltrack("status", "d").out


def test_another_file_that_git_tracks_in_an_output_is_refused(kept: Workspace) -> None:
    kept.write("o/sub/readme", "x")
    kept.commit("readme")
    assert "is tracked by git (o/sub/readme)" in kept.mltrack("repro", code=1).err


def test_one_that_git_does_not_track_is_part_of_the_output(kept: Workspace) -> None:
    more = "mkdir o/x && touch o/x/.gitkeep && echo 2"
    kept.write("mltrack.yaml", PIPELINE.replace("echo 2", more))
    kept.mltrack("repro")
    listed = kept.mltrack("ls", "-R", "o", "--json").json["tracked"]
    assert "o/x/.gitkeep" in [item["path"] for item in listed]
