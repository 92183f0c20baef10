"""A colleague's files: one path of a project, at a revision, without a clone of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture(params=["its path", "its address", "a bare repository"])
def address(request: pytest.FixtureRequest, theirs: Workspace, tmp_path: Path) -> str:
    if request.param == "its path":
        return os.path.relpath(theirs.path, tmp_path / "mine")
    if request.param == "its address":
        return f"file://{theirs.path}"
    subprocess.run(
        ["git", "clone", "-q", "--bare", str(theirs.path), str(tmp_path / "bare")],
        check=True,
        env=theirs.environment,
    )
    return str(tmp_path / "bare")


def test_what_is_asked_for_comes_as_it_was_recorded(
    mine: Workspace, address: str
) -> None:
    def get(*words: str) -> None:
        mine.mltrack("get", "--repo", address, *words)

    get("data/images/1.png")
    assert mine.read("1.png") == "another\n"
    get("data/images/1.png", "--rev", "v1", "-o", "first.png")
    assert mine.read("first.png") == "image 1\n"
    get("data/images", "--rev", "v1")
    assert len(os.listdir(mine.path / "images")) == 20
    assert mine.read("images/1.png") == "image 1\n"
    get("model.bin", "metrics.json", "tool.py", "-o", "some")
    assert mine.read("some/model.bin") == "a,b\n"
    assert mine.read("some/metrics.json") == '{"loss":0.5}\n'
    assert (mine.path / "some/tool.py").stat().st_mode & 0o777 == 0o755


def test_patterns_keep_the_directories_below_their_fixed_part(
    mine: Workspace, address: str
) -> None:
    mine.mltrack("get", "--repo", address, "data/images/1?.png", "-o", "few")
    assert sorted(os.listdir(mine.path / "few")) == [f"1{n}.png" for n in range(10)]
    mine.mltrack("get", "--repo", address, "**/*.csv", "-o", "tables")
    assert mine.read("tables/data/table.csv") == "a,b\n"


def test_a_directory_of_several_things_comes_without_what_serves_the_project(
    mine: Workspace, address: str
) -> None:
    mine.mltrack("get", "--repo", address, "data")
    assert sorted(os.listdir(mine.path / "data")) == ["images", "table.csv"]
    assert len(os.listdir(mine.path / "data/images")) == 20


def test_nothing_that_stands_is_replaced_unless_that_is_asked_for(
    mine: Workspace, address: str
) -> None:
    mine.write("table.csv", "mine\n")
    get = ("get", "--repo", address, "data/table.csv")
    done = mine.mltrack(*get, code=2)
    assert "is there already" in done.err and "--force" in done.err
    assert mine.read("table.csv") == "mine\n"
    mine.mltrack(*get, "--force")
    assert mine.read("table.csv") == "a,b\n" and os.listdir(mine.path) == ["table.csv"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nosuch"], "there is no 'nosuch'"),
        (["data/images/99.png"], "there is no 'data/images/99.png'"),
        (["data/*.txt"], "there is no 'data/*.txt'"),
        (["tool.py", "--rev", "v9"], "there is no revision 'v9'"),
    ],
)
def test_what_is_not_there_is_told_and_nothing_is_written(
    mine: Workspace, address: str, words: list[str], says: str
) -> None:
    done = mine.mltrack("get", "--repo", address, *words, code=None)
    assert done.code in (1, 2) and says in done.err and "hint:" in done.err
    assert os.listdir(mine.path) == []


def test_two_things_never_become_one(mine: Workspace, theirs: Workspace) -> None:
    theirs.write("other/table.csv", "other\n")
    theirs.git("add", ".")
    theirs.git("commit", "-qm", "other")
    words = ("data/table.csv", "other/table.csv", "-o", "both")
    done = mine.mltrack("get", "--repo", str(theirs.path), *words, code=2)
    assert "would both become" in done.err and not mine.exists("both")


def test_a_second_time_git_is_not_asked(mine: Workspace, theirs: Workspace) -> None:
    commit = theirs.git("rev-parse", "HEAD").out.strip()
    get = ("get", "--repo", f"file://{theirs.path}", "--rev", commit)
    mine.mltrack(*get, "data/table.csv")
    theirs.path.rename(theirs.path.with_name("gone"))
    mine.mltrack(*get, "data/images/7.png")
    assert mine.read("7.png") == "image 7\n"
    # but for bytes that nobody has asked for yet
    assert mine.mltrack(*get, "tool.py", code=None).code != 0


def test_only_what_is_asked_for_is_brought(
    mine: Workspace, theirs: Workspace, tmp_path: Path
) -> None:
    theirs.write("big.txt", "x" * 1_000_000)
    theirs.git("add", ".")
    theirs.git("commit", "-qm", "big")
    mine.mltrack("get", "--repo", f"file://{theirs.path}", "data/images/3.png")
    kept = sum(
        path.stat().st_size
        for path in (tmp_path / "cached").rglob("*")
        if path.is_file()
    )
    # git's samples of hooks are most of it
    assert kept < 200_000
    [repository] = (tmp_path / "cached/mltrack/sources").glob("*.git")
    lacking = subprocess.run(
        ["git", "rev-list", "--objects", "--all", "--missing=print"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "?" in lacking


@pytest.mark.parametrize("where", ["ext::sh -c 'touch pwned'", "-uploadpack=x", "a::b"])
def test_an_address_that_starts_programs_is_refused(
    mine: Workspace, where: str
) -> None:
    done = mine.mltrack("get", "x", f"--repo={where}", code=2)
    assert "not a repository's address" in done.err or "no directory" in done.err
    assert os.listdir(mine.path) == []


def test_what_is_no_project_or_not_there_is_told(
    mine: Workspace, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    subprocess.run(["git", "init", "-q", str(plain)], check=True)
    for place, says in {
        str(plain): "no commit in this repository yet",
        f"file://{plain}": "no commit yet",
        f"file://{tmp_path}/nosuch": "cannot be read",
        str(tmp_path / "nosuch"): "there is no directory",
    }.items():
        done = mine.mltrack("get", "x", "--repo", place, code=None)
        assert done.code in (1, 2) and says in done.err, done.err
    (plain / "a").write_text("a")
    for words in (["add", "."], ["commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=plain, check=True, env=mine.environment)
    done = mine.mltrack("get", "a", "--repo", str(plain), code=1)
    assert "there is no mltrack project" in done.err


def test_several_projects_of_one_repository_are_told_apart(
    bare: Workspace, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        inner = Workspace(bare.path / name, bare.environment)
        inner.path.mkdir()
        inner.mltrack("init")
        inner.write("data", f"{name}\n")
        inner.mltrack("add", "data")
        inner.mltrack("remote", "add", "store", str(tmp_path / f"store-{name}"))
        inner.mltrack("push")
    bare.git("add", ".")
    bare.git("commit", "-qm", "both")
    mine = Workspace(tmp_path / "mine", bare.environment)
    mine.path.mkdir()
    for place in (str(bare.path), f"file://{bare.path}"):
        done = mine.mltrack("get", "data", "--repo", place, code=2)
        assert "holds several projects: one, two" in done.err
        mine.mltrack("get", "data", "--repo", f"{place}#two", "-o", "got", "--force")
        assert mine.read("got") == "two\n"


def test_the_bytes_that_nobody_has_are_named(
    mine: Workspace, theirs: Workspace, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store")
    done = mine.mltrack(
        "get", "data/table.csv", "--repo", f"file://{theirs.path}", code=None
    )
    assert done.code != 0 and "store" in done.err
    assert os.listdir(mine.path) == []


def test_a_remote_beside_a_clone_is_told_as_such(bare: Workspace) -> None:
    bare.mltrack("init")
    bare.write("a", "1")
    bare.mltrack("add", "a")
    bare.mltrack("remote", "add", "near", "../near")
    bare.mltrack("push")
    bare.git("add", ".")
    bare.git("commit", "-qm", "a")
    mine = Workspace(bare.path.parent / "mine", bare.environment)
    mine.path.mkdir()
    done = mine.mltrack("get", "a", "--repo", f"file://{bare.path}", code=6)
    assert "'../near'" in done.err and "by its path" in done.err
    mine.mltrack("get", "a", "--repo", str(bare.path))
    assert mine.read("a") == "1"


def test_a_name_in_the_settings_stands_for_a_repository(
    mine: Workspace, theirs: Workspace
) -> None:
    mine.mltrack("config", "--user", "repo.lab.url", str(theirs.path), code=None)
    config = Path(mine.environment["HOME"]) / ".config/mltrack/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[repo.lab]\nurl = "{theirs.path}"\n')
    mine.mltrack("get", "data/table.csv", "--repo", "lab")
    assert mine.read("table.csv") == "a,b\n"
