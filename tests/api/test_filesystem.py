"""A project as a file system of fsspec: what pandas and others read through it."""

import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from mltrack.filesystem import MltrackFileSystem
from tests.support.workspace import Workspace


@pytest.fixture(params=["its path", "its address"])
def fs(
    ws: Workspace,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> MltrackFileSystem:
    """A project's file system, as of `v1`."""
    ws.write("data/a.csv", "x,y\n1,2\n")
    ws.write("data/deep/b.csv", "x,y\n3,4\n")
    ws.write("plain.txt", "plain\n")
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    ws.git("add", ".")
    ws.git("commit", "-qm", "one")
    ws.git("tag", "v1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    path = str(ws.path)
    repo = path if request.param == "its path" else f"file://{path}"
    return MltrackFileSystem(repo=repo, rev="v1")


def test_directories_and_files_are_listed_with_their_sizes(
    fs: MltrackFileSystem,
) -> None:
    shown = [name for name in fs.ls("", detail=False) if not name.startswith(".")]
    assert shown == ["data", "plain.txt"]
    assert fs.ls("data", detail=False) == ["data/a.csv", "data/deep"]
    kinds = {item["name"]: (item["type"], item["size"]) for item in fs.ls("data")}
    assert kinds["data/a.csv"] == ("file", 8) and kinds["data/deep"][0] == "directory"
    assert fs.info("plain.txt")["size"] == 6
    assert fs.isdir("data") and fs.isfile("data/deep/b.csv") and fs.exists("plain.txt")
    assert not fs.exists("nosuch") and not fs.exists("data/nosuch")
    assert fs.find("data") == ["data/a.csv", "data/deep/b.csv"]
    assert fs.glob("data/**/*.csv") == ["data/a.csv", "data/deep/b.csv"]


def test_files_are_read_and_copied_out(fs: MltrackFileSystem, tmp_path: Path) -> None:
    assert fs.cat_file("data/deep/b.csv") == b"x,y\n3,4\n"
    assert fs.cat_file("mltrack://data/a.csv", 4, 7) == b"1,2"
    with fs.open("plain.txt", "r") as file:
        assert file.read() == "plain\n"
    fs.get("data", str(tmp_path / "out"), recursive=True)
    assert (tmp_path / "out/deep/b.csv").read_text() == "x,y\n3,4\n"
    with pytest.raises(FileNotFoundError):
        fs.open("data/nosuch")
    with pytest.raises(FileNotFoundError):
        fs.ls("nosuch")


def test_a_slip_in_an_option_is_refused(fs: MltrackFileSystem) -> None:
    with pytest.raises(TypeError, match="revision"):
        MltrackFileSystem(revision="v1")


def test_nothing_can_be_written(fs: MltrackFileSystem) -> None:
    with pytest.raises(NotImplementedError, match="read only"):
        fs.open("data/a.csv", "wb")


def test_the_workspace_is_read_as_it_stands(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.write("data/a.csv", "x\n1\n")
    ws.mltrack("add", "data")
    ws.write("data/a.csv", "x\n1\n2\n")
    monkeypatch.chdir(ws.path)
    fs = MltrackFileSystem()
    assert fs.info("data/a.csv")["size"] == 6
    assert fs.cat_file("data/a.csv") == b"x\n1\n2\n"


def test_libraries_find_it_by_its_scheme(ws: Workspace) -> None:
    if "mltrack" not in fsspec.available_protocols():
        pytest.skip("mltrack was installed before it had this file system")
    ws.write("data/a.csv", "x,y\n1,2\n")
    ws.mltrack("add", "data")
    code = (
        "import fsspec; print(fsspec.open('mltrack://data/a.csv', 'r').open().read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ws.path,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "x,y\n1,2"


def test_pandas_and_pyarrow_read_tables_through_it(fs: MltrackFileSystem) -> None:
    pandas = pytest.importorskip("pandas")
    with fs.open("data/a.csv") as file:
        assert pandas.read_csv(file).to_dict("list") == {"x": [1], "y": [2]}
    csv = pytest.importorskip("pyarrow.csv")
    with fs.open("data/deep/b.csv") as file:
        assert csv.read_csv(file).to_pydict() == {"x": [3], "y": [4]}
