"""What a project recorded at a revision of any repository, without a workspace."""

import subprocess
from pathlib import Path

import pytest

from mltrack import project as projects
from mltrack.engine.recorded import Recorded
from mltrack.errors import GitError, MissingObjectError, WorkspaceError
from mltrack.objects.digest import XXH3, algorithm
from mltrack.project import Project
from mltrack.store.local.cache import Cache
from tests.support.workspace import Workspace

PIPELINE = """\
stages:
  train:
    cmd: cat data/a > model; cp params.yaml score.yaml
    deps: [data]
    params: [lr]
    outs: [model]
    metrics: [score.yaml: {cache: false}]
"""


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    """A project with a first version tagged, and another one in the workspace."""
    for version in ("1", "2"):
        ws.write("data/a", f"a of {version}\n")
        ws.write("data/sub/b", f"b of {version}\n")
        ws.write("params.yaml", f"lr: {version}\n")
        ws.write("mltrack.yaml", PIPELINE)
        ws.mltrack("add", "data")
        ws.mltrack("repro")
        ws.git("add", "-A")
        ws.commit(f"version {version}", tag=f"v{version}")
    return ws


@pytest.fixture(params=["worktree", "bare"])
def place(request: pytest.FixtureRequest, trained: Workspace, tmp_path: Path) -> Path:
    if request.param == "worktree":
        return trained.path
    subprocess.run(
        ["git", "clone", "-q", "--bare", str(trained.path), str(tmp_path / "bare.git")],
        check=True,
    )
    return tmp_path / "bare.git"


def at(place: Path, revision: str, trained: Workspace) -> Recorded:
    return Project.at(
        str(place), revision, Cache(str(trained.path / ".mltrack/cache"), XXH3)
    )


def test_a_revision_says_what_was_tracked_and_what_ran(
    place: Path, trained: Workspace
) -> None:
    first, second = (at(place, revision, trained) for revision in ("v1", "v2"))
    assert not first.is_workspace
    assert [*first.view.targets()] == ["data", "model"]
    assert (
        first.view.targets()["model"].content != second.view.targets()["model"].content
    )
    assert [*first.view.graph.stages] == ["train"]


def test_files_are_read_from_git_or_by_the_word_of_the_lock(
    place: Path, trained: Workspace
) -> None:
    first = at(place, "v1", trained)
    assert first.read("params.yaml") == b"lr: 1\n"
    assert first.read("score.yaml") == b"lr: 1\n"
    assert first.read("model") == b"a of 1\n"
    assert first.read("nosuch") is None
    assert first.files_of("model") == ["model"]


def test_what_the_cache_lacks_is_named(place: Path, tmp_path: Path) -> None:
    empty = Project.at(str(place), "v1", Cache(str(tmp_path / "empty"), XXH3))
    assert empty.not_here("out") == ["model"]
    with pytest.raises(MissingObjectError, match="model of v1 is not in the cache"):
        empty.read("model")


def test_the_same_type_tells_of_the_workspace(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mltrack.verbs.session import Session

    trained.write("score.yaml", "lr: by hand\n")
    with Session(projects.find(str(trained.path))) as session:
        now = session.at("")
        assert now.is_workspace
        assert now.read("score.yaml") == b"lr: by hand\n"
        assert session.at("v1").read("score.yaml") == b"lr: 1\n"


def test_a_project_in_a_directory_of_the_repository(
    trained: Workspace, tmp_path: Path
) -> None:
    top = tmp_path / "mono"
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    subprocess.run(["cp", "-r", str(trained.path), str(top / "inner")], check=True)
    subprocess.run(["rm", "-rf", str(top / "inner/.git")], check=True)
    git = ["git", "-C", str(top), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "inner"], check=True)
    cache = Cache(str(trained.path / ".mltrack/cache"), XXH3)
    found = Project.at(str(top), "HEAD", cache, "inner")
    assert [*found.view.targets()] == ["data", "model"]
    assert found.read("params.yaml") == b"lr: 2\n"
    with pytest.raises(WorkspaceError, match="no mltrack project at HEAD"):
        Project.at(str(top), "HEAD", cache)


def test_what_is_no_revision_and_no_repository_is_refused(
    trained: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(GitError):
        at(trained.path, "nosuch", trained)
    with pytest.raises(WorkspaceError, match="not a git repository"):
        at(tmp_path, "v1", trained)
    with pytest.raises(WorkspaceError, match="xxh3 digests"):
        Project.at(
            str(trained.path), "v1", Cache(str(tmp_path / "b3"), algorithm("blake3"))
        )


def test_the_stages_of_a_revision_are_drawn(trained: Workspace) -> None:
    trained.write("mltrack.yaml", PIPELINE.replace("train:", "fit:"))
    assert "train" in trained.mltrack("dag", "--rev", "v1").out
    assert "fit" in trained.mltrack("dag").out
