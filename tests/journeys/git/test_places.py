"""Wherever a person may stand: subdirectories, worktrees, several projects, before the
first commit.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def test_a_linked_worktree_shares_the_cache(ws: Workspace, tmp_path: Path) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = Workspace(tmp_path / "side", ws.environment)
    assert side.read("data/a") == "one"
    assert not side.exists(".mltrack/cache")
    side.write("data/b", "new")
    side.mltrack("add", "data")
    side.commit()
    ws.git("merge", "--quiet", "side")
    assert ws.read("data/b") == "new"
    ws.mltrack("config", "gc.grace_days", "0")
    side.write("data/c", "only in the worktree")
    side.mltrack("add", "data")
    ws.mltrack("gc")
    shutil.rmtree(side.path / "data")
    side.mltrack("checkout")
    assert side.read("data/c") == "only in the worktree"


def test_a_worktree_of_a_bare_repository_keeps_its_cache_beside_gits(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.git("clone", "--quiet", "--bare", str(ws.path), str(tmp_path / "bare.git"))
    ws.git(
        "-C",
        str(tmp_path / "bare.git"),
        "worktree",
        "add",
        "--quiet",
        str(tmp_path / "tree"),
        "main",
    )
    tree = Workspace(tmp_path / "tree", ws.environment)
    tree.write("f", "x")
    tree.mltrack("add", "f")
    assert (tmp_path / "bare.git/mltrack/cache/packs").is_dir()


COMMANDS = (
    ("status",),
    ("add", "data"),
    ("diff",),
    ("ls",),
    ("checkout",),
    ("commit",),
    ("push",),
    ("fetch",),
    ("pull",),
    ("gc",),
    ("gc", "--dry-run"),
    ("repro",),
    ("repro", "--dry-run"),
    ("why",),
    ("dag",),
    ("stage", "list"),
    ("params", "diff"),
    ("params", "show"),
    ("metrics", "show"),
    ("metrics", "diff"),
    ("doctor",),
    ("config",),
    ("completion", "bash"),
    ("resolve",),
    ("remote", "list"),
    ("init",),
)


def furnish(ws: Workspace, tmp_path: Path) -> None:
    ws.write("data/a", "one")
    ws.write("params.yaml", "n: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo '{\"v\":' ${n} '}' > m.json; cat data/a > o\n"
        "    deps: [data]\n    params: [n]\n    outs: [o]\n    metrics: [m.json]\n",
    )
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("add", "data")
    ws.mltrack("repro")
    ws.mltrack("push")


@pytest.mark.parametrize("place", ["subdirectory", "option", "worktree", "detached"])
def test_every_command_works_everywhere(
    place: str, ws: Workspace, tmp_path: Path
) -> None:
    furnish(ws, tmp_path)
    ws.commit()
    cwd, options, up = ws.path, (), ""
    if place == "subdirectory":
        cwd, up = ws.path / "deep" / "er", "../../"
        cwd.mkdir(parents=True)
    elif place == "option":
        cwd, options = tmp_path, ("-C", str(ws.path))
    elif place == "worktree":
        ws.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
        cwd = tmp_path / "linked"
    else:
        ws.git("checkout", "--quiet", "--detach")
    for command in COMMANDS:
        if place == "subdirectory" and command[0] == "init":
            continue  # makes a project of its own there
        words = [up + word if word == "data" else word for word in command]
        done = ws.mltrack(*options, *words, cwd=cwd)
        assert "error" not in done.err, (command, done.err)
    assert "Nothing changed" in ws.mltrack(*options, "status", cwd=cwd).out


def test_every_command_works_before_the_first_commit(
    bare: Workspace, tmp_path: Path
) -> None:
    bare.mltrack("init")
    furnish(bare, tmp_path)
    for command in COMMANDS:
        if command[0] in ("diff", "params", "metrics") and "show" not in command:
            assert "there is no commit in this" in bare.mltrack(*command, code=1).err
        else:
            bare.mltrack(*command)


def test_targets_are_named_as_seen_from_where_one_stands(ws: Workspace) -> None:
    ws.write("deep/data/a", "one")
    ws.mltrack("add", "data", cwd=ws.path / "deep")
    assert ws.exists("deep/data.mlt") and ws.read("deep/.gitignore") == "/data\n"
    shutil.rmtree(ws.path / "deep/data")
    ws.mltrack("checkout", "data", cwd=ws.path / "deep")
    assert ws.read("deep/data/a") == "one"


def test_several_projects_live_in_one_repository(bare: Workspace) -> None:
    for name in ("one", "two"):
        (bare.path / name).mkdir()
        bare.mltrack("init", cwd=bare.path / name)
        bare.write(f"{name}/data/a", name)
        bare.mltrack("add", "data", cwd=bare.path / name)
    bare.commit(tag="v1")
    for name in ("one", "two"):
        bare.write(f"{name}/data/a", "changed")
        bare.mltrack("add", "data", cwd=bare.path / name)
    bare.commit()
    bare.git("checkout", "--quiet", "v1")
    assert bare.read("one/data/a") == "one" and bare.read("two/data/a") == "two"
