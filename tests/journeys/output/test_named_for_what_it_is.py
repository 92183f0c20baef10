"""Odd things that people have: each is handled, or named for what it is with a next
step.
"""

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.workspace import ROOT, Workspace


def test_a_path_through_a_linked_directory_names_the_real_one(ws: Workspace) -> None:
    ws.write("real/a", "1")
    (ws.path / "link").symlink_to("real")
    refused = ws.mltrack("add", "link/a", code=1)
    assert "link/a: 'link' on the way is a symbolic link" in refused.err
    assert "hint: name what it leads to: mltrack add real/a" in refused.err
    ws.mltrack("add", "real/a")


def test_a_backslash_in_a_name_is_named(ws: Workspace) -> None:
    ws.write("a\\b", "1")
    refused = ws.mltrack("add", "a\\b", code=1)
    assert "a name with a backslash cannot be recorded" in refused.err
    assert "a\\b" in refused.err and "\\\\" not in refused.err


def test_two_dots_begin_a_name_like_any_other(ws: Workspace) -> None:
    ws.write("..x", "1")
    ws.mltrack("add", "..x")
    assert "unchanged ..x" in ws.mltrack("add", "..x").out
    assert "lies outside" in ws.mltrack("add", "../x", code=2).err


def test_data_outside_the_project_is_refused_with_the_way_in(ws: Workspace) -> None:
    said = ws.mltrack("add", "/etc/hosts", code=2).err
    assert "'/etc/hosts' lies outside the project" in said
    assert "hint: `mltrack add --out NAME /etc/hosts` takes a copy of it" in said
    assert "added hosts" in ws.mltrack("add", "--out", "hosts", "/etc/hosts").out


def test_dates_of_toml_are_shown_as_they_are_written(ws: Workspace) -> None:
    ws.write("p.toml", "day = 2020-01-31\nlist = [2020-01-01]\n")
    ws.write("mltrack.yaml", "params: [p.toml]\nstages: {}\n")
    shown = ws.mltrack("params", "show").out
    assert "2020-01-31" in shown and '"2020-01-31"' not in shown
    assert '"day": "2020-01-31"' in ws.mltrack("params", "show", "--json").out


def test_what_a_shallow_clone_lacks_is_named(ws: Workspace) -> None:
    for text in "12":
        ws.write("data", text)
        ws.mltrack("add", "data")
        ws.commit(text)
    clone = ws.path.parent / "clone"
    ws.git("clone", "-q", "--depth", "1", f"file://{ws.path}", str(clone))
    there = ws.run([sys.executable, "-m", "mltrack", "diff", "HEAD~1"], cwd=clone)
    assert "there is no revision 'HEAD~1' in this shallow clone" in there.err
    assert "hint: git fetch --unshallow" in there.err


def test_a_secret_is_read_from_standard_input(ws: Workspace) -> None:
    ws.mltrack("remote", "add", "store", "s3://bucket/place")
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "mltrack", "remote", "modify"),
            *("--local", "store", "secret_key", "-"),
        ],
        cwd=ws.path,
        env={**ws.environment, "PYTHONPATH": str(ROOT)},
        input="very secret\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "very secret" in ws.read(".mltrack/config.local.toml")
    assert "very" not in done.stdout


def test_a_secret_that_is_typed_is_not_echoed(ws: Workspace) -> None:
    ws.mltrack("remote", "add", "store", "s3://bucket/place")
    words = ["remote", "modify", "--local", "store", "secret_key", "-"]
    child, terminal = pty.fork()
    if not child:
        os.chdir(ws.path)
        program = [sys.executable, "-P", "-m", "mltrack", *words]
        os.execve(sys.executable, program, ws.environment)
    shown = b""
    with suppress(OSError):  # so Linux ends the reading of a closed terminal
        while data := os.read(terminal, 1024):
            shown += data
            # asked: from here on the terminal shows nothing of what is typed
            if shown.endswith(b"secret_key: "):
                os.write(terminal, b"very secret\n")
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, shown
    assert b"set secret_key" in shown and b"very" not in shown
    assert "very secret" in ws.read(".mltrack/config.local.toml")


@pytest.mark.parametrize("count", [1, 2])
def test_one_file_is_one_file(ws: Workspace, count: int) -> None:
    for number in range(count):
        ws.write(f"d/{number}", "x")
    noun = "file" if count == 1 else "files"
    assert f"added d ({count} {noun}, {count} B)" in ws.mltrack("add", "d").out


def test_a_file_is_printed_as_it_stands_or_as_of_a_revision(ws: Workspace) -> None:
    ws.write("data/a", "one\n")
    ws.write("notes", "text\n")
    ws.mltrack("add", "data")
    ws.commit("one", tag="v1")
    ws.write("data/a", "two\n")
    assert ws.mltrack("cat", "data/a").out == "two\n"
    assert ws.mltrack("cat", "data/a", "--rev", "v1").out == "one\n"
    assert ws.mltrack("cat", "notes", "--rev", "v1").out == "text\n"
    (ws.path / "data/a").unlink()
    assert ws.mltrack("cat", "data/a").out == "one\n"
    assert "is a directory" in ws.mltrack("cat", "data", code=2).err
    assert "there is no file 'data/b'" in ws.mltrack("cat", "data/b", code=2).err
    gone = ws.mltrack("cat", "data/b", "--rev", "v1", code=2)
    assert "there is no file 'data/b' at v1" in gone.err


def test_a_conflict_is_settled_by_the_path_of_the_data(ws: Workspace) -> None:
    ws.write("images/a", "base")
    ws.mltrack("add", "images")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "theirs")
    ws.write("images/a", "theirs")
    ws.mltrack("add", "images")
    ws.commit("theirs")
    ws.git("checkout", "-q", "-")
    ws.write("images/a", "ours")
    ws.mltrack("add", "images")
    ws.commit("ours")
    ws.git("merge", "-q", "theirs", code=1)
    ws.mltrack("resolve", "--theirs", "images")
    ws.commit("merged")
    assert ws.read("images/a") == "theirs"
