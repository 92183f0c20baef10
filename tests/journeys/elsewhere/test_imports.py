"""Data of another project, tracked here: where it came from is known, and what is there
later comes by one command.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def ours(theirs: Workspace, tmp_path: Path) -> Workspace:
    """A project of one's own, beside theirs."""
    place = tmp_path / "ours"
    place.mkdir()
    environment = {**theirs.environment, "XDG_CACHE_HOME": str(tmp_path / "cached")}
    ours = Workspace(place, environment)
    ours.git("init", "-q")
    ours.mltrack("init")
    return ours


@pytest.fixture(params=["its path", "its address"])
def place(request: pytest.FixtureRequest, theirs: Workspace, ours: Workspace) -> str:
    if request.param == "its path":
        return os.path.relpath(theirs.path, ours.path)
    return f"file://{theirs.path}"


def change(theirs: Workspace) -> None:
    theirs.write("data/images/0.png", "third\n")
    theirs.write("data/images/new.png", "new\n")
    (theirs.path / "data/images/5.png").unlink()
    theirs.mltrack("add", "data/images")
    theirs.git("commit", "-qam", "three")
    theirs.mltrack("push")


def test_an_import_is_tracked_with_where_it_came_from(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    done = ours.mltrack("import", "data/images", "--repo", place, "-o", "raw/images")
    assert "imported raw/images (20 files" in done.out
    assert "git add raw/images.mlt raw/.gitignore" in done.err + done.out
    assert ours.read("raw/images/1.png") == "another\n"
    text = ours.read("raw/images.mlt")
    commit = theirs.git("rev-parse", "HEAD").out.strip()
    assert f"from:\n  repository: {place}" in text.replace('"', "")
    assert f"  path: data/images\n  commit: {commit}\n" in text.replace('"', "")
    assert ours.mltrack("status", "--json").json["clean"]


@pytest.mark.parametrize("path", ["data/images/3.png", "model.bin", "tool.py"])
def test_parts_outputs_and_what_git_keeps_are_imported(
    ours: Workspace, place: str, path: str
) -> None:
    ours.mltrack("import", path, "--repo", place)
    name = os.path.basename(path)
    assert ours.exists(name) and ours.exists(f"{name}.mlt")
    assert ours.mltrack("status", "--json").json["clean"]


def test_an_update_brings_what_changed_and_says_it(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    ours.mltrack("import", "data/images", "--repo", place)
    assert "unchanged" in ours.mltrack("update").out
    change(theirs)
    shown = ours.mltrack("update").out
    assert "images: 1 added, 1 modified, 1 deleted" in shown
    assert ours.read("images/0.png") == "third\n" and not ours.exists("images/5.png")
    [item] = ours.mltrack("update", "--json").json["imported"]
    assert item["from"]["commit"] == theirs.git("rev-parse", "HEAD").out.strip()
    assert not item["changed"]


def test_a_tag_stays_where_it_is_until_another_is_asked_for(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    ours.mltrack("import", "data/images", "--repo", place, "--rev", "v1")
    assert ours.read("images/1.png") == "image 1\n"
    change(theirs)
    assert "unchanged" in ours.mltrack("update").out
    ours.mltrack("update", "images", "--rev", "HEAD")
    assert ours.read("images/0.png") == "third\n"
    assert 'revision: "HEAD"' in ours.read("images.mlt")


def test_what_was_changed_here_is_not_replaced(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    ours.mltrack("import", "data/images", "--repo", place)
    change(theirs)
    ours.write("images/7.png", "mine\n")
    # what only changed here stays, as with any checkout
    ours.mltrack("update")
    assert ours.read("images/7.png") == "mine\n"
    assert ours.read("images/0.png") == "third\n"
    ours.mltrack("add", "images")
    done = ours.mltrack("update", code=1)
    assert "changed here" in done.err and "--force" in done.err
    before = ours.read("images.mlt")
    assert "from:" in before
    ours.mltrack("update", "--force")
    assert ours.read("images/7.png") == "image 7\n"


def test_an_edit_that_was_not_recorded_goes_by_force_alone_and_comes_back(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    ours.mltrack("import", "data/table.csv", "--repo", place)
    theirs.write("data/table.csv", "theirs\n")
    theirs.mltrack("add", "data/table.csv")
    theirs.git("commit", "-qam", "table")
    theirs.mltrack("push")
    ours.write("table.csv", "mine\n")
    before = ours.read("table.csv.mlt")
    done = ours.mltrack("update", code=1)
    assert "mltrack update --force table.csv" in done.err
    assert ours.read("table.csv") == "mine\n" and ours.read("table.csv.mlt") == before
    ours.mltrack("update", "--force")
    assert ours.read("table.csv") == "theirs\n"
    ours.mltrack("undo")
    assert ours.read("table.csv") == "mine\n"


def test_a_secret_in_an_address_is_neither_printed_nor_recorded(
    ours: Workspace,
) -> None:
    address = "https://me:sekret@127.0.0.1:9/x.git#models"
    for words in (("import", "a"), ("get", "a"), ("ls",)):
        done = ours.mltrack(*words, "--repo", address, code=None)
        assert done.code and "127.0.0.1" in done.err and "sekret" not in done.said
    done = ours.mltrack("import", "a", "--repo", address, code=2)
    assert "into git" in done.err and not ours.exists("a.mlt")


def test_status_names_imports_that_are_behind(
    ours: Workspace, theirs: Workspace, place: str, tmp_path: Path
) -> None:
    ours.mltrack("import", "data/images", "--repo", place)
    ours.mltrack("remote", "add", "mine", str(tmp_path / "mine"))
    ours.mltrack("push")
    status = ("status", "--remote", "mine")
    assert "behind" not in ours.mltrack(*status).out
    change(theirs)
    assert "imports that are behind" in ours.mltrack(*status).out
    [item] = ours.mltrack(*status, "--json").json["behind"]
    assert item["path"] == "images" and item["why"] == ""
    theirs.path.rename(tmp_path / "gone")
    [item] = ours.mltrack(*status, "--json").json["behind"]
    assert item["why"]


def test_an_import_comes_from_its_source_where_no_remote_has_it(
    ours: Workspace, theirs: Workspace, place: str, tmp_path: Path
) -> None:
    ours.mltrack("import", "data/images", "--repo", place)
    ours.git("add", ".")
    ours.git("commit", "-qm", "import")
    change(theirs)
    again = Workspace(tmp_path / "again", ours.environment)
    subprocess.run(
        ["git", "clone", "-q", str(ours.path), str(again.path)],
        check=True,
        env=ours.environment,
    )
    again.mltrack("init")
    shutil.rmtree(tmp_path / "cached", ignore_errors=True)
    # neither a remote of its own nor one that has it is needed
    again.mltrack("pull")
    assert again.read("images/0.png") == "image 0\n"
    again.mltrack("remote", "add", "mine", str(tmp_path / "mine"))
    again.mltrack("push")
    assert again.mltrack("status", "--json").json["clean"]


def test_an_import_of_an_import_is_had_from_the_first(
    ours: Workspace, theirs: Workspace, tmp_path: Path
) -> None:
    ours.mltrack("import", "data/images", "--repo", f"file://{theirs.path}")
    ours.git("add", ".")
    ours.git("commit", "-qm", "import")
    third = Workspace(tmp_path / "third", ours.environment)
    third.path.mkdir()
    third.git("init", "-q")
    third.mltrack("init")
    shutil.rmtree(ours.path / ".mltrack/cache")
    third.mltrack("import", "images", "--repo", f"file://{ours.path}")
    assert third.read("images/3.png") == "image 3\n"


def test_what_cannot_be_imported_is_told_and_changes_nothing(
    ours: Workspace, theirs: Workspace, place: str
) -> None:
    ours.write("images/mine", "mine\n")
    for words, says in {
        ("data/images",): "exists already",
        ("nosuch",): "there is no 'nosuch'",
        ("data",): "there is no 'data'",
        ("data/images", "-o", "x", "--rev", "v9"): "no revision",
    }.items():
        done = ours.mltrack("import", *words, "--repo", place, code=None)
        assert done.code in (1, 2) and says in done.err, done.err
    done = theirs.mltrack("import", "data/images", "--repo", ".", "-o", "again", code=2)
    assert "very project" in done.err
    assert [path.name for path in ours.path.glob("*.mlt")] == []
    ours.mltrack("add", "images")
    done = ours.mltrack("update", "images", code=2)
    assert "is no import" in done.err
