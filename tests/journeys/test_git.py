"""Beside git: merges, hooks, drivers, worktrees, and wherever a person may stand."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def test_branches_that_add_different_files_merge_by_git_merge_alone(
    ws: Workspace,
) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/left", "left")
    ws.write("data/sub/l", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/right", "right")
    ws.write("data/sub/r", "right")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("merge", "--quiet", "--no-edit", "left")
    assert set(ws.files("data")) == {
        "data/base",
        "data/left",
        "data/right",
        "data/sub",
        "data/sub/l",
        "data/sub/r",
    }
    assert "Nothing changed" in ws.mltrack("status").out
    pointer = ws.read("data.mlt")
    assert (
        "unchanged data" in ws.mltrack("add", "data").out
        and ws.read("data.mlt") == pointer
    )


def test_branches_that_change_different_stages_merge_by_git_merge_alone(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "a: 1\nspace: 1\nmore: 1\nb: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: echo ${a} > a\n    params: [a]\n    outs: [a]\n"
        "  b:\n    cmd: echo ${b} > b\n    params: [b]\n    outs: [b]\n"
        "  both:\n    cmd: cat a b > c\n    deps: [a, b]\n    outs: [c]\n",
    )
    ws.mltrack("repro")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("params.yaml", "a: 2\nspace: 1\nmore: 1\nb: 1\n")
    ws.mltrack("repro")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("params.yaml", "a: 1\nspace: 1\nmore: 1\nb: 2\n")
    ws.mltrack("repro")
    ws.commit()
    merged = ws.git("merge", "--quiet", "--no-edit", "left")
    # its result was recorded for neither side's inputs together
    assert "both" in merged.err
    done = ws.mltrack("repro")
    assert (
        "a: unchanged" in done.err
        and "b: unchanged" in done.err
        and "both: running" in done.err
    )
    assert ws.read("c") == "2\n2\n"


def conflict(ws: Workspace) -> None:
    ws.write("data/f", "base")
    ws.write("data/g", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/f", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/f", "right")
    ws.mltrack("add", "data")
    ws.commit()


def test_a_file_that_both_sides_changed_is_a_conflict_for_resolve(
    ws: Workspace,
) -> None:
    conflict(ws)
    merged = ws.git("merge", "--quiet", "--no-edit", "left", code=None)
    assert merged.code == 1 and "data/f" in merged.err
    status = ws.mltrack("status", code=3)
    assert (
        "data.mlt:" in status.err
        and "conflict markers" in status.err
        and "hint: mltrack resolve data.mlt" in status.err
    )
    refused = ws.mltrack("resolve", code=1)
    assert "data/f" in refused.err and "--ours" in refused.err
    ws.mltrack("resolve", "--theirs")
    ws.git("commit", "--quiet", "--no-edit")
    ws.mltrack("checkout")
    assert ws.read("data/f") == "left"


def test_gc_keeps_both_sides_of_a_conflict(ws: Workspace) -> None:
    conflict(ws)
    ws.git("merge", "--quiet", "--no-edit", "left", code=None)
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc", code=1)  # an unreadable pointer: nothing is deleted
    ws.mltrack("resolve", "--theirs")
    ws.mltrack("checkout")
    assert ws.read("data/f") == "left"


def test_resolve_settles_markers_that_came_without_a_driver(ws: Workspace) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/left", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/right", "right")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("config", "--remove-section", "merge.mltrack-pointer")
    assert ws.git("merge", "--quiet", "--no-edit", "left", code=None).code == 1
    assert "resolved data.mlt" in ws.mltrack("resolve").out
    ws.git("commit", "--quiet", "--no-edit")
    ws.mltrack("checkout")
    assert set(ws.files("data")) == {"data/base", "data/left", "data/right"}


def test_a_rebase_brings_the_data_along(ws: Workspace) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "side")
    ws.write("data/side", "side")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/main", "main")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "side")
    ws.git("rebase", "--quiet", "main")
    assert set(ws.files("data")) == {"data/base", "data/main", "data/side"}


def test_an_existing_hook_is_left_alone_and_the_line_to_add_is_shown(
    bare: Workspace,
) -> None:
    bare.write(".git/hooks/post-checkout", "#!/bin/sh\necho mine\n")
    done = bare.mltrack("init")
    assert bare.read(".git/hooks/post-checkout") == "#!/bin/sh\necho mine\n"
    assert "hook post-checkout" in done.err


def test_a_hooks_directory_that_git_keeps_gets_the_line_to_add(bare: Workspace) -> None:
    bare.git("config", "core.hooksPath", "my-hooks")
    told = bare.mltrack("init").err
    assert "my-hooks/pre-push" in told and 'mltrack hook pre-push "$@"' in told
    assert not bare.exists("my-hooks") and not bare.exists(".git/hooks/post-checkout")
    for hook in (
        "post-checkout",
        "post-commit",
        "post-merge",
        "post-rewrite",
        "pre-commit",
    ):
        bare.write(f"my-hooks/{hook}", f'#!/bin/sh\nmltrack hook {hook} "$@"\n')
    told = bare.mltrack("init").err
    assert "pre-push" in told and "post-merge" not in told
    assert "pre-push" in bare.mltrack("doctor").out


def test_hooks_of_all_repositories_are_written_only_when_asked_for(
    bare: Workspace, tmp_path: Path
) -> None:
    shared = tmp_path / "hooks"
    shared.mkdir()
    bare.git("config", "--global", "core.hooksPath", str(shared))
    done = bare.mltrack("init")
    assert not list(shared.iterdir())
    assert str(shared) in done.err and "--shared-hooks" in done.err
    bare.mltrack("init", "--shared-hooks")
    assert (shared / "post-checkout").exists()


@pytest.mark.parametrize(
    ("answer", "installed"), [("y", True), ("n", False), ("", False)]
)
def test_in_a_terminal_init_asks_whether_hooks_may_go_there(
    bare: Workspace, tmp_path: Path, answer: str, installed: bool
) -> None:
    shared = tmp_path / "shared-hooks"
    bare.git("config", "--global", "core.hooksPath", str(shared))
    ours, theirs = os.openpty()
    command = [sys.executable, "-P", "-m", "mltrack", "init"]
    with subprocess.Popen(
        command,
        cwd=bare.path,
        env=bare.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        with suppress(OSError):  # the terminal is gone once the process is
            while piece := os.read(ours, 4096):
                said += piece
    os.close(ours)
    assert process.returncode == 0, said
    assert b"for all of your repositories" in said and b"[y/N]" in said
    assert (shared / "post-checkout").exists() == installed
    assert ("git hooks are not installed" in bare.mltrack("status").err) == (
        not installed
    )
    assert (b"--shared-hooks" in said) == (not installed)


def test_hook_managers_are_recognised(bare: Workspace) -> None:
    bare.write(
        ".git/hooks/pre-commit",
        "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n",
    )
    bare.write(
        ".git/hooks/pre-push", "#!/bin/sh\n# lefthook\ncall_lefthook run pre-push\n"
    )
    bare.write("lefthook.yml", "pre-push:\n")
    told = bare.mltrack("init").err
    assert "mltrack hook pre-commit" in bare.read(".git/hooks/pre-commit.legacy")
    assert (
        "lefthook.yml" in told
        and "use_stdin: true" in told
        and "pre-commit" not in told
    )
    bare.write(".husky/_/h", "")
    bare.git("config", "core.hooksPath", ".husky/_")
    assert ".husky/post-checkout" in bare.mltrack("init").err


def test_init_in_a_clone_installs_hooks_and_changes_no_file(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.git("clone", "--quiet", str(ws.path), str(tmp_path / "clone"))
    other = Workspace(tmp_path / "clone", ws.environment)
    assert "hint: mltrack init" in other.mltrack("status").err
    other.mltrack("init")
    assert other.git("status", "--porcelain").out == ""
    assert other.mltrack("status").err == ""


def test_hooks_work_when_the_virtual_environment_is_not_on_path(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.write("data/a", "two")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1", PATH="/usr/bin:/bin", PYTHONPATH="")
    assert ws.read("data/a") == "one"


def test_a_hook_whose_interpreter_is_gone_says_one_line_and_lets_git_go_on(
    ws: Workspace,
) -> None:
    hook = ws.path / ".git/hooks/post-checkout"
    hook.write_text(hook.read_text().replace(sys.executable, "/nonexistent/python"))
    ws.commit(tag="v1")
    done = ws.git("checkout", "--quiet", "v1", PATH="/usr/bin:/bin")
    assert done.err.count("\n") == 1 and "mltrack: not found" in done.err


def test_add_works_from_inside_a_git_hook(ws: Workspace) -> None:
    ws.write("data/a", "one")
    hook = ws.write(
        ".git/hooks/pre-commit", f"#!/bin/sh\n{sys.executable} -P -m mltrack add data\n"
    )
    hook.chmod(0o755)
    ws.git("commit", "--quiet", "--allow-empty", "-m", "x", PATH="/usr/bin:/bin")
    assert ws.exists("data.mlt")


def test_pre_commit_warns_of_unsaved_data_and_blocks_nothing(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit()
    ws.write("data/a", "two")
    done = ws.git("commit", "--quiet", "--allow-empty", "-m", "x")
    assert "data changed since it was recorded" in done.err


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
            assert "there is no revision 'HEAD'" in bare.mltrack(*command, code=1).err
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


def test_a_project_below_another_is_its_own_affair_at_revisions_too(
    ws: Workspace, tmp_path: Path
) -> None:
    (ws.path / "sub").mkdir()
    ws.mltrack("init", "--subdir", cwd=ws.path / "sub")
    ws.write("odata", "outer")
    ws.write("sub/sdata", "inner")
    ws.mltrack("add", "odata")
    ws.mltrack("add", "sdata", cwd=ws.path / "sub")
    ws.commit()
    assert "sdata" not in ws.mltrack("diff", "HEAD").said
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push", "--rev", "HEAD")
    ws.git("init", "-q", "--bare", str(tmp_path / "hub.git"))
    ws.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    ws.git("push", "-q", "origin", "main")


def test_a_worktree_of_a_repository_with_long_ids_gets_its_data(
    bare: Workspace, tmp_path: Path
) -> None:
    bare.git("init", "-q", "--object-format=sha256", str(tmp_path / "long"))
    long = Workspace(tmp_path / "long", bare.environment)
    long.mltrack("init")
    long.write("data/a", "alpha")
    long.mltrack("add", "data")
    long.commit()
    done = long.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    assert (tmp_path / "linked/data/a").read_text() == "alpha", done.said


def test_a_hook_that_is_a_link_is_read_where_it_leads(bare: Workspace) -> None:
    bare.write("tools/pre-push", '#!/bin/sh\nmltrack hook pre-push "$@"\n')
    bare.write("tools/post-merge", "#!/bin/sh\n")
    (bare.path / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("pre-push", "post-merge"):
        (bare.path / ".git/hooks" / hook).symlink_to(f"../../tools/{hook}")
    told = bare.mltrack("init").err
    assert "hooks/post-merge" in told and "hooks/pre-push" not in told
    assert (bare.path / ".git/hooks/pre-push").is_symlink()
    checks = {
        item["name"]: item["state"]
        for item in bare.mltrack("doctor", "--json", code=None).json["checks"]
    }
    assert checks["hook pre-push"] == "ok" != checks["hook post-merge"]
