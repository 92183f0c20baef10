"""Files, values and listings of a project, read from Python."""

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import mltrack
from mltrack.errors import IntegrityError, MissingObjectError, UsageError
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.verbs import listing
from tests.support.workspace import Workspace

LARGE = 9 << 20


@pytest.fixture
def project(ws: Workspace, tmp_path: Path) -> Workspace:
    """A project of two revisions, pushed; the workspace has the second."""
    ws.write("data/a.txt", "one\n")
    ws.write("data/b.txt", "two\n")
    ws.write("model.bin", os.urandom(LARGE))
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo '{\"loss\":0.5}' > m.json\n"
        "    params: [lr]\n    metrics: [m.json]\n",
    )
    ws.write("params.yaml", "lr: 1\n")
    ws.mltrack("add", "data", "model.bin")
    ws.mltrack("repro")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    ws.git("add", ".")
    ws.git("commit", "-qm", "one")
    ws.git("tag", "v1")
    ws.write("data/a.txt", "changed\n")
    ws.mltrack("add", "data")
    ws.git("commit", "-qam", "two")
    ws.mltrack("push")
    return ws


@pytest.fixture
def there(
    project: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The project's address, from where nothing of it is cached."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    monkeypatch.chdir(tmp_path)
    yield f"file://{project.path}"


@pytest.fixture
def here(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(project.path)
    return project


def test_a_file_is_read_as_it_stands_or_as_it_was(here: Workspace) -> None:
    assert mltrack.read("data/a.txt") == b"changed\n"
    assert mltrack.read("data/a.txt", rev="v1") == b"one\n"
    here.write("data/a.txt", "not recorded\n")
    with mltrack.open("data/a.txt") as file:
        assert isinstance(file, io.TextIOWrapper)
        assert file.readlines() == ["not recorded\n"]
    with mltrack.open("data/a.txt", rev="HEAD") as file:
        assert file.read() == "changed\n"
    assert mltrack.read("params.yaml", rev="v1") == b"lr: 1\n"


def test_another_project_is_read_by_its_address(there: str) -> None:
    assert mltrack.read("data/a.txt", repo=there) == b"changed\n"
    assert mltrack.read("data/a.txt", repo=there, rev="v1") == b"one\n"
    assert mltrack.metrics(repo=there) == {"m.json": {"loss": 0.5}}
    assert mltrack.params(repo=there, rev="v1") == {"params.yaml": {"lr": 1}}


def test_a_large_file_that_is_not_here_is_read_where_it_lies(
    there: str, project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    get = DirectoryRemote.get

    def noted(
        self: DirectoryRemote, name: str, offset: int = 0, length: int | None = None
    ) -> bytes:
        data = get(self, name, offset, length)
        if name.startswith("objects/"):
            asked.append(len(data))
        return data

    monkeypatch.setattr(DirectoryRemote, "get", noted)
    whole = (project.path / "model.bin").read_bytes()
    with mltrack.open("model.bin", "rb", repo=there) as file:
        file.seek(-1000, os.SEEK_END)
        assert file.read() == whole[-1000:] and sum(asked) < 1 << 20
        file.seek(12345)
        assert file.read(10) == whole[12345:12355] and file.tell() == 12355
        file.seek(0)
        assert hashlib.md5(file.read()).digest() == hashlib.md5(whole).digest()
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)
    with pytest.raises(ValueError, match="closed"):
        file.read()
    # nothing of it was kept
    kept = Path(os.environ["XDG_CACHE_HOME"]).rglob("*")
    assert all(path.stat().st_size < 1 << 20 for path in kept if path.is_file())


@pytest.mark.parametrize("harm", ["changed", "short", "gone"])
def test_what_is_damaged_there_is_never_handed_on_as_whole(
    there: str, tmp_path: Path, harm: str
) -> None:
    [place] = (tmp_path / "store/objects").rglob("*/*")
    data = place.read_bytes()
    place.chmod(0o644)
    if harm == "gone":
        # opened while it was there, read when it is not
        file = mltrack.open("model.bin", "rb", repo=there)
        place.unlink()
    else:
        place.write_bytes(data[:-1] + (b"" if harm == "short" else b"?"))
        file = mltrack.open("model.bin", "rb", repo=there)
    with pytest.raises((IntegrityError, MissingObjectError)), file:
        file.read()


def test_a_path_is_a_copy_that_nobody_writes_to(there: str) -> None:
    path = mltrack.path("data", repo=there, rev="v1")
    assert sorted(os.listdir(path)) == ["a.txt", "b.txt"]
    assert (path / "a.txt").read_text() == "one\n"
    assert (path / "a.txt").stat().st_mode & 0o222 == 0
    assert mltrack.path("data", repo=there, rev="v1") == path
    assert mltrack.path("data/a.txt", repo=there).name == "a.txt"
    assert mltrack.path("params.yaml", repo=there).read_text() == "lr: 1\n"


def test_a_path_of_the_workspace_is_where_it_stands(here: Workspace) -> None:
    assert mltrack.path("data") == here.path / "data"


def test_records_are_those_of_the_command_line(here: Workspace) -> None:
    project = mltrack.Project()
    tracked = here.mltrack("ls", "--json").json["tracked"]
    assert [item.path for item in project.ls()] == [item["path"] for item in tracked]
    [change] = project.diff("v1", "HEAD")
    assert (change.path, change.change) == ("data/a.txt", "modified")
    assert project.status().is_clean
    assert mltrack.Project(".", rev="v1").diff("HEAD")[0].path == "data/a.txt"


@pytest.mark.parametrize("mode", ["w", "a", "r+", "rw", "x", "", "rbb"])
def test_nothing_is_opened_for_writing(here: Workspace, mode: str) -> None:
    with pytest.raises(UsageError, match="mode"):
        mltrack.open("data/a.txt", mode)


@pytest.mark.parametrize("name", ["data", "nosuch", "data/nosuch", "../outside"])
def test_what_is_no_file_is_told(here: Workspace, name: str) -> None:
    for rev in (None, "v1"):
        with pytest.raises(mltrack.MltrackError):
            mltrack.open(name, rev=rev)


def test_threads_read_at_once(there: str) -> None:
    found: list[bytes] = []

    def look() -> None:
        found.append(mltrack.read("data/b.txt", repo=there))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"two\n"] * 6


def test_a_forked_process_opens_its_own(there: str) -> None:
    project = mltrack.Project(there)
    file = project.open("model.bin", "rb")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        told = []
        try:
            file.read(1)
        except mltrack.MltrackError as error:
            told.append(error.message)
        told.append(project.read("data/b.txt").decode())
        os.write(write, json.dumps(told).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        told = json.loads(pipe.read())
    assert "forked" in told[0] and told[1] == "two\n"
    assert len(file.read(10)) == 10
    file.close()


def test_a_project_can_be_sent_to_a_worker_process(there: str) -> None:
    again = pickle.loads(pickle.dumps(mltrack.Project(there, "v1")))
    assert again.read("data/a.txt") == b"one\n"


def test_what_is_loaded_is_loaded_when_it_is_used() -> None:
    code = (
        "import sys, mltrack; assert 'mltrack.api' not in sys.modules;"
        "mltrack.Project; assert 'mltrack.api' in sys.modules;"
        "assert not {'rich', 'typer', 'yaml', 'fsspec'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nosuch"):
        mltrack.nosuch  # noqa: B018
    assert "open" in dir(mltrack)


def test_to_compare_two_revisions_nobody_looks_at_the_workspace(
    here: Workspace,
) -> None:
    with mltrack.Project(".").session() as session:
        [change] = listing.diff(session, "v1", "HEAD", [])
        assert change.path == "data/a.txt"
        assert not {"view", "observer"} & vars(session).keys()
