"""Ignore lines follow declarations: there before the first run, gone when git shall
keep the output or it is gone.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def declare(
    ws: Workspace, outs: str, command: str = "echo 1 > o", directory: str = ""
) -> None:
    ws.write(
        f"{directory}mltrack.yaml",
        f"stages:\n  s: {{cmd: '{command}', outs: [{outs}]}}\n",
    )


def test_an_output_is_ignored_while_its_first_run_is_under_way(ws: Workspace) -> None:
    declare(ws, "o, p/q", "echo 1 > o; echo 1 > p/q; git status --porcelain > ../seen")
    ws.mltrack("repro")
    seen = (ws.path.parent / "seen").read_text()
    assert "?? o" not in seen and "p/" not in seen


def seen_by_git(ws: Workspace) -> list[str]:
    out = ws.git("ls-files", "--others", "--exclude-standard", "-z").out
    return sorted(
        path
        for path in out.split("\0")
        if path and not path.endswith((".gitignore", "mltrack.yaml", "mltrack.lock"))
    )


@pytest.mark.parametrize("end", ["false", "kill -9 $$", "exit 3", "rm o"])
def test_an_output_of_a_stage_that_fails_is_ignored(ws: Workspace, end: str) -> None:
    declare(ws, "o, p", f"echo 1 > o; echo 1 > p; {end}")
    ws.mltrack("repro", code=8)
    assert seen_by_git(ws) == []


def lines(ws: Workspace, directory: str = "") -> list[str]:
    path = ws.path / directory / ".gitignore"
    return path.read_text().splitlines() if path.exists() else []


def test_the_outputs_of_stages_that_were_not_reached_are_ignored_if_they_are_made_by_hand(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: 'false', outs: [a]}\n  b: {cmd: 'cp a b', deps: [a], outs: [b]}\n",
    )
    ws.mltrack("repro", code=8)
    assert "/a" in lines(ws)


def test_a_repro_that_is_killed_leaves_its_outputs_ignored(ws: Workspace) -> None:
    os.mkfifo(ws.path.parent / "told")
    declare(ws, "o", "echo 1 > o; echo > ../told; exec sleep 60")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "-q", "repro"],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (ws.path.parent / "told").read_text()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ws.exists("o")
    assert seen_by_git(ws) == []
    declare(ws, "o", "echo 2 > o")
    ws.mltrack("repro")  # ends what the killed one left running
    assert ws.read("o") == "2\n"


@pytest.mark.parametrize("directory", ["", "sub/"])
@pytest.mark.parametrize(
    "output", ["o", "deep/er/o", "with space", "#mark", "!not", "s+r"]
)
def test_a_line_goes_when_git_shall_keep_the_output_and_comes_back(
    ws: Workspace, directory: str, output: str
) -> None:
    command = f'mkdir -p deep/er; echo 1 > "{output}"'
    declare(ws, f'"{output}"', command, directory)
    ws.mltrack("repro")
    assert seen_by_git(ws) == []
    declare(ws, f'{{"{output}": {{cache: false}}}}', command, directory)
    ws.mltrack("repro")
    assert seen_by_git(ws) == [directory + output]
    declare(ws, f'"{output}"', command, directory)
    ws.mltrack("repro")
    assert seen_by_git(ws) == []


def test_an_output_above_its_pipeline_file_is_ignored_and_seen_in_its_turn(
    ws: Workspace,
) -> None:
    declare(ws, "../up, ../other/o", "echo 1 > ../up; echo 1 > ../other/o", "sub/")
    ws.mltrack("repro")
    assert seen_by_git(ws) == []
    declare(
        ws,
        "{../up: {cache: false}}, {../other/o: {cache: false}}",
        "echo 1 > ../up; echo 1 > ../other/o",
        "sub/",
    )
    ws.mltrack("repro")
    assert seen_by_git(ws) == ["other/o", "up"]


def test_an_output_that_got_another_name_is_ignored_as_long_as_it_is_there(
    ws: Workspace,
) -> None:
    declare(ws, "old", "echo 1 > old")
    ws.mltrack("repro")
    declare(ws, "new", "echo 1 > new")
    ws.mltrack("repro")
    assert seen_by_git(ws) == []
    (ws.path / "old").unlink()
    ws.mltrack("repro")
    assert lines(ws) == ["/new"]


def test_the_line_of_an_item_goes_with_its_file_and_comes_back_with_the_item(
    ws: Workspace,
) -> None:
    text = "stages:\n  s:\n    foreach: [{}]\n    do: {{cmd: 'echo 1 > ${{item}}.o', outs: ['${{item}}.o']}}\n"
    ws.write("mltrack.yaml", text.format("a, b"))
    ws.mltrack("repro")
    ws.write("mltrack.yaml", text.format("a"))
    ws.mltrack("repro")
    assert seen_by_git(ws) == []
    (ws.path / "b.o").unlink()
    ws.mltrack("repro")
    assert lines(ws) == ["/a.o"]
    ws.write("mltrack.yaml", text.format("a, b"))
    ws.mltrack("repro")
    assert sorted(lines(ws)) == ["/a.o", "/b.o"]


def test_lines_of_ones_own_stay(ws: Workspace) -> None:
    ws.write(".gitignore", "# mine\n*.log\n\n!keep.log")
    declare(ws, "o")
    ws.mltrack("repro")
    declare(ws, "{o: {cache: false}}")
    ws.mltrack("repro")
    assert ws.read(".gitignore").startswith("# mine\n*.log\n\n!keep.log")
    assert "/o" not in lines(ws)


def test_an_ignore_file_with_crlf_is_understood(ws: Workspace) -> None:
    ws.write(".gitignore", "*.log\r\n")
    declare(ws, "o")
    ws.mltrack("repro")
    assert seen_by_git(ws) == []
    ws.write(
        ".gitignore", ws.read(".gitignore").replace("\r\n", "\n").replace("\n", "\r\n")
    )
    declare(ws, "{o: {cache: false}}")
    ws.mltrack("repro")
    assert seen_by_git(ws) == ["o"]


def test_a_restored_output_is_ignored_though_the_ignore_file_is_lost(
    ws: Workspace,
) -> None:
    declare(ws, "o")
    ws.mltrack("repro")
    (ws.path / ".gitignore").unlink()
    (ws.path / "o").unlink()
    ws.mltrack("repro")
    assert seen_by_git(ws) == []


@pytest.mark.parametrize("verb", [["repro"], ["commit", "s"]], ids=" ".join)
def test_every_verb_that_settles_an_output_writes_its_lost_line(
    ws: Workspace, verb: list[str]
) -> None:
    declare(ws, "o")
    ws.mltrack("repro")
    (ws.path / ".gitignore").unlink()
    ws.mltrack(*verb)
    assert seen_by_git(ws) == []


@pytest.mark.parametrize(
    "verb", [["checkout"], ["pull"], ["checkout", "sub/d/a"]], ids=" ".join
)
def test_what_brings_data_that_git_sees_says_so_and_leaves_committed_files_alone(
    shared: Workspace, tmp_path: Path, verb: list[str]
) -> None:
    """A checkout that changed them would keep git from the next one."""
    shared.write("sub/d/a", "1\n")
    shared.mltrack("add", "sub/d")
    declare(shared, "o")
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.commit()
    shared.git("rm", "-q", "--cached", ".gitignore", "sub/.gitignore")
    shared.git("commit", "-q", "-m", "without its ignore files")
    clone = shared.clone(tmp_path / "clone")
    clone.mltrack("fetch")
    told = clone.mltrack(*verb).err
    assert "add the line `/d` to sub/.gitignore" in told
    assert ("`/o` to .gitignore" in told) == (verb != ["checkout", "sub/d/a"])
    assert clone.git("status", "--porcelain", "--untracked-files=no").out == ""
    assert "git sees" not in clone.mltrack(*verb).err, "once is enough"


def test_two_stages_that_exchange_names_keep_both_lines(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: 'echo 1 > x', outs: [x]}\n  b: {cmd: 'echo 2 > y', outs: [y]}\n",
    )
    ws.mltrack("repro")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: 'echo 1 > y', outs: [y]}\n  b: {cmd: 'echo 2 > x', outs: [x]}\n",
    )
    ws.mltrack("repro")
    assert sorted(lines(ws)) == ["/x", "/y"]
    assert (ws.read("x"), ws.read("y")) == ("2\n", "1\n")
    ws.mltrack("status", "--check")
