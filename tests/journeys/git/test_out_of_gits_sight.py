"""The cache is out of git's sight on every branch, in every worktree, wherever in the
repository the project is.
"""

from pathlib import Path

import pytest

from tests.support.workspace import Workspace

SWEEPS = [
    ["git clean -fd"],
    ["git clean -ffd"],
    ["git stash --include-untracked"],
    ["git add --all", "git commit -qm all"],
    ["git add --all", "git rm -rq --cached .", "git clean -fd"],
]
sweeps = pytest.mark.parametrize(
    "sweep", SWEEPS, ids=[" ".join(item) for item in SWEEPS]
)


def do(ws: Workspace, sweep: list[str], cwd: Path) -> None:
    for command in sweep:
        done = ws.run(command.split(), cwd=cwd)
        assert done.code == 0, done.said


@pytest.fixture
def before(bare: Workspace) -> Workspace:
    """A repository whose branch ``main`` knows nothing of mltrack."""
    bare.write("README", "hi\n")
    bare.commit()
    bare.git("branch", "adopt")
    return bare


@sweeps
def test_a_branch_without_the_project_leaves_the_cache_alone(
    before: Workspace, sweep: list[str]
) -> None:
    before.git("checkout", "-q", "adopt")
    before.mltrack("init")
    before.write("d/a", "only copy\n")
    before.mltrack("add", "d")
    before.commit()
    before.git("checkout", "-q", "main")
    assert ".mltrack" not in before.git("status", "--porcelain").out
    before.write("untracked", "x\n")
    do(before, sweep, before.path)
    assert ".mltrack" not in before.git("ls-tree", "-r", "--name-only", "HEAD").out
    before.git("checkout", "-q", "adopt")
    before.mltrack("checkout")
    assert before.read("d/a") == "only copy\n"


@pytest.mark.parametrize("name", ["sub", "s p a/c[e]", "-dash", "#mark", "!not"])
def test_so_does_one_for_a_project_in_a_subdirectory_of_any_name(
    before: Workspace, name: str
) -> None:
    before.git("checkout", "-q", "adopt")
    (before.path / name).mkdir(parents=True)
    before.mltrack("init", cwd=before.path / name)
    before.write(f"{name}/d", "only copy\n")
    before.mltrack("add", "d", cwd=before.path / name)
    before.commit()
    before.git("checkout", "-q", "main")
    before.write("untracked", "x\n")
    do(before, SWEEPS[-1], before.path)
    before.git("checkout", "-q", "adopt")
    before.mltrack("checkout", cwd=before.path / name)
    assert before.read(f"{name}/d") == "only copy\n"


def test_the_main_worktree_keeps_the_cache_of_a_project_that_began_in_a_linked_one(
    before: Workspace, tmp_path: Path
) -> None:
    linked = tmp_path / "linked"
    before.git("worktree", "add", "-q", str(linked), "adopt")
    other = Workspace(linked, before.environment)
    other.mltrack("init")
    other.write("d", "only copy\n")
    other.mltrack("add", "d")
    other.commit()
    before.write("untracked", "x\n")
    do(before, SWEEPS[-1], before.path)
    other.write("untracked", "x\n")
    do(other, SWEEPS[-1], other.path)
    (other.path / "d").unlink()
    other.git("checkout", "-q", "--force", "adopt")
    other.git("reset", "-q", "--hard", "HEAD")
    other.mltrack("checkout", "d", code=None)
    if not other.exists("d.mlt"):  # it went from the index with the sweep
        other.git("checkout", "-q", "adopt", "--", ".")
        other.mltrack("checkout")
    assert other.read("d") == "only copy\n"


def test_a_clone_that_only_pulled_keeps_its_cache_on_a_branch_without_the_project(
    before: Workspace, tmp_path: Path
) -> None:
    before.git("checkout", "-q", "adopt")
    before.mltrack("init")
    before.mltrack("remote", "add", "store", str(tmp_path / "store"))
    before.write("d", "pulled\n")
    before.mltrack("add", "d")
    before.mltrack("push")
    before.commit()
    before.git("clone", "-q", str(before.path), str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone", before.environment)
    clone.mltrack("pull")  # no init: a clone works without one
    clone.write("e", "only copy\n")
    clone.mltrack("add", "e")
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.write("untracked", "x\n")
    do(clone, SWEEPS[-1], clone.path)
    clone.git("checkout", "-q", "adopt")
    clone.mltrack("checkout")
    assert clone.read("e") == "only copy\n"


def test_a_second_project_of_the_repository_is_out_of_sight_too(
    before: Workspace,
) -> None:
    before.git("checkout", "-q", "adopt")
    for name in ("one", "two/deep"):
        (before.path / name).mkdir(parents=True)
        before.mltrack("init", cwd=before.path / name)
        before.write(f"{name}/d", f"only copy of {name}\n")
        before.mltrack("add", "d", cwd=before.path / name)
    before.commit()
    before.git("checkout", "-q", "main")
    before.write("untracked", "x\n")
    do(before, SWEEPS[-1], before.path)
    before.git("checkout", "-q", "adopt")
    for name in ("one", "two/deep"):
        before.mltrack("checkout", cwd=before.path / name)
        assert before.read(f"{name}/d") == f"only copy of {name}\n"


def test_an_ignore_file_of_the_project_that_somebody_emptied_exposes_nothing(
    ws: Workspace,
) -> None:
    ws.write("d", "only copy\n")
    ws.mltrack("add", "d")
    ws.write(".mltrack/.gitignore", "")
    ws.commit()
    assert "cache" not in ws.git("ls-files").out
    ws.git("clean", "-ffd")
    (ws.path / "d").unlink()
    ws.mltrack("checkout")
    assert ws.read("d") == "only copy\n"


def test_a_git_directory_elsewhere_knows_too(tmp_path: Path, bare: Workspace) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    ws = Workspace(apart, bare.environment)
    ws.git("init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    ws.write("README", "hi\n")
    ws.commit()
    ws.git("checkout", "-q", "-b", "adopt")
    ws.mltrack("init")
    ws.write("d", "only copy\n")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("checkout", "-q", "main")
    ws.git("clean", "-ffd")
    ws.git("checkout", "-q", "adopt")
    ws.mltrack("checkout")
    assert ws.read("d") == "only copy\n"


def test_where_the_exclude_file_is_a_link_the_lines_to_add_are_told(
    bare: Workspace, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.write_text("*.bak\n")
    place = bare.path / ".git/info/exclude"
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(shared)
    told = bare.mltrack("init").err
    # what it leads to may be anybody's
    assert shared.read_text() == "*.bak\n" and place.is_symlink()
    assert "/.mltrack/cache" in told and "is a link" in told
    lines = [line for line in told.splitlines() if line.startswith("/.mltrack/")]
    shared.write_text("*.bak\n" + "\n".join(lines) + "\n")
    assert "is a link" not in bare.mltrack("init").err
