"""A project as a file system of fsspec: what pandas and others read through it."""

import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from mltrack.api.seeking import SeekingFile
from mltrack.filesystem import MltrackFileSystem
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.shared import remote
from mltrack.verbs import elsewhere
from mltrack.verbs.get import get
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


def test_a_file_was_modified_when_it_was_written_or_committed(
    fs: MltrackFileSystem, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = int(ws.git("show", "-s", "--format=%ct", "v1").out)
    assert fs.modified("data/a.csv").timestamp() == committed
    assert fs.modified("plain.txt").timestamp() == committed
    os.utime(ws.path / "data/a.csv", (1234, 1234))
    assert MltrackFileSystem(repo=str(ws.path)).modified("data/a.csv") == (
        datetime.fromtimestamp(1234, UTC)
    )


def test_what_changed_between_revisions_is_told_from_what_did_not(
    fs: MltrackFileSystem, ws: Workspace
) -> None:
    ws.write("data/a.csv", "x,y\n5,6\n")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.mltrack("push")
    later = MltrackFileSystem(repo=fs.storage_options["repo"], rev="v2")
    for path, is_same in (
        ("data/a.csv", False),
        ("data/deep/b.csv", True),
        ("plain.txt", True),
    ):
        assert (fs.info(path)["ETag"] == later.info(path)["ETag"]) == is_same
        assert (fs.ukey(path) == later.ukey(path)) == is_same


def test_a_branch_that_moves_on_is_read_as_it_was_first_met(
    fs: MltrackFileSystem, ws: Workspace
) -> None:
    follows = MltrackFileSystem(repo=fs.storage_options["repo"], rev="main")
    assert follows.cat_file("plain.txt") == b"plain\n"
    ws.write("plain.txt", "another\n")
    ws.write("data/a.csv", "x,y\n5,6\n")
    ws.mltrack("add", "data")
    ws.commit()
    ws.mltrack("push")
    assert follows.cat_file("plain.txt") == b"plain\n"
    assert follows.cat_file("data/a.csv") == b"x,y\n1,2\n"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(follows.cat_file, "plain.txt").result() == b"plain\n"
    again = MltrackFileSystem(repo=fs.storage_options["repo"], rev="main")
    assert again.cat_file("plain.txt") == b"another\n"


def test_many_small_files_come_by_few_requests(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        ws.write(f"data/{number:03}", f"file {number}\n" * 20)
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    ws.commit()
    ws.git("config", "uploadpack.allowFilter", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    asked: list[str] = []
    for name in ("get", "list"):
        monkeypatch.setattr(
            DirectoryRemote, name, _noting(getattr(DirectoryRemote, name), asked)
        )
    # as it is with many more files: an index that is read by ranges at first
    monkeypatch.setattr(remote, "_SMALL_INDEX", 0)
    monkeypatch.setattr(remote, "FEW", 5)
    fs = MltrackFileSystem(repo=f"file://{ws.path}")
    for number in range(1, 200, 2):
        assert fs.cat_file(f"data/{number:03}") == f"file {number}\n".encode() * 20
    # each by one, once the index is here
    assert len(asked) <= 125
    asked.clear()
    found = fs.cat([f"data/{number:03}" for number in range(0, 200, 2)])
    assert found["data/006"] == b"file 6\n" * 20 and len(found) == 100
    assert len(asked) < 10
    asked.clear()
    fs.get("data", str(tmp_path / "out"), recursive=True)
    assert len(os.listdir(tmp_path / "out")) == 300 and len(asked) < 10


def _noting(call: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def noted(store: DirectoryRemote, name: str, *rest: Any) -> Any:
        asked.append(name)
        return call(store, name, *rest)

    return noted


def test_packs_that_are_merged_in_the_meantime_are_found_again(
    fs: MltrackFileSystem, ws: Workspace, tmp_path: Path
) -> None:
    shutil.rmtree(ws.path / ".mltrack/cache")
    assert fs.ls("data", detail=False) == ["data/a.csv", "data/deep"]
    # what is there now is another pack, with another index
    kept = tmp_path / "kept"
    ws.git("clone", "-q", str(ws.path), str(kept))
    clone = Workspace(kept, ws.environment)
    clone.mltrack("pull")
    clone.write("data/more.csv", "x,y\n7,8\n")
    clone.mltrack("add", "data")
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file() and path.parts[-2] != "store":
            path.unlink()
    clone.mltrack("push")
    clone.mltrack("push", "--rev", "v1")
    assert fs.cat_file("data/deep/b.csv") == b"x,y\n3,4\n"


def test_a_child_reads_by_connections_of_its_own(fs: MltrackFileSystem) -> None:
    assert fs.cat_file("data/a.csv") == b"x,y\n1,2\n"
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        found = pool.map(fs.cat_file, ["data/a.csv", "data/deep/b.csv", "plain.txt"])
    assert found == [b"x,y\n1,2\n", b"x,y\n3,4\n", b"plain\n"]
    assert fs.cat_file("data/deep/b.csv") == b"x,y\n3,4\n"


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


def test_getting_a_file_looks_at_the_remote_once(
    fs: MltrackFileSystem,
    ws: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.rmtree(ws.path / ".mltrack/cache")
    asked: list[str] = []
    for name in ("get", "list"):
        monkeypatch.setattr(
            DirectoryRemote, name, _noting(getattr(DirectoryRemote, name), asked)
        )
    with elsewhere.open_elsewhere(fs.storage_options["repo"], "v1") as session:
        get(session, ["data/deep/b.csv"], str(tmp_path / "b.csv"))
    assert (tmp_path / "b.csv").read_text() == "x,y\n3,4\n"
    assert asked.count("mltrack.json") == asked.count("index") == 1


def test_threads_that_share_a_file_read_where_they_have_sought() -> None:
    file = SeekingFile(io.BytesIO(bytes(range(256)) * 4096))
    wrong: list[int] = []

    def read(start: int) -> None:
        for at in range(start, 1 << 20, 4096):
            file.seek(at)
            if file.read(16) != bytes((at + n) % 256 for n in range(16)):
                wrong.append(at)

    usual = sys.getswitchinterval()
    # else a thread seldom loses its turn between its seek and its read
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=read, args=(n * 37,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(usual)
    assert not wrong


def test_a_shared_file_is_a_file_like_others() -> None:
    data = b"one\ntwo\nthree\n"
    with SeekingFile(io.BytesIO(data)) as file:
        assert file.readline() == b"one\n" and file.tell() == 4
        assert file.seek(0, os.SEEK_END) == len(data) and file.read() == b""
        assert file.seek(4) == 4 and file.seek(4, os.SEEK_CUR) == 8
        assert file.tell() == 8 and list(file) == [b"three\n"]
        # sought here, read by another: as with any file
        file.seek(0)
        file.read(4)
        came: list[bytes] = []
        other = threading.Thread(target=lambda: came.append(file.read(4)))
        other.start()
        other.join()
        assert came == [b"two\n"] and file.read() == b"three\n"
    assert file.closed
    again: Any = SeekingFile(io.BytesIO(data))
    assert io.TextIOWrapper(again).read() == data.decode()
