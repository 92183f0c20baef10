"""Commands: in order, with a timeout and tries; how one ended is told."""

import pytest

from tests.support.processes import ends
from tests.support.steps import CHAIN
from tests.support.workspace import Workspace


def test_a_failing_command_ends_with_8_shows_its_last_lines_and_keeps_other_results(
    chain: Workspace,
) -> None:
    chain.write(
        "mltrack.yaml",
        CHAIN.replace("wc -c < a.txt > b.txt", "echo useful words; exit 3"),
    )
    done = chain.mltrack("repro", code=8)
    assert (
        "exit code 3" in done.err and "useful words" in done.err and "hint:" in done.err
    )
    assert (
        "1 ran" in done.out and "1 failed" in done.out and "1 not reached" in done.out
    )
    chain.write("mltrack.yaml", CHAIN)
    assert "2 ran, 1 unchanged" in chain.mltrack("repro").out


def test_a_killed_command_is_said_to_have_been_killed(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: kill -9 $$\n    outs: [o]\n")
    assert "SIGKILL" in ws.mltrack("repro", code=8).err


def test_a_command_that_does_not_write_its_output_has_failed(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: 'true'\n    outs: [o]\n")
    assert "did not write 'o'" in ws.mltrack("repro", code=8).err


def test_commands_of_a_list_run_in_order_and_stop_at_the_first_failure(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd:\n      - echo 1 > o\n      - 'false'\n      - echo 3 > o\n    outs: [o]\n",
    )
    ws.mltrack("repro", code=8)
    assert ws.read("o") == "1\n"


def test_a_failing_command_is_tried_again(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo x >> ../tries; test $(wc -l < ../tries) -ge 3 && touch o\n    outs: [o]\n"
        "    retry: {tries: 3, backoff: 100ms}\n",
    )
    done = ws.mltrack("repro")
    assert "try 2 of 3" in done.err and "try 3 of 3" in done.err and "1 ran" in done.out
    (ws.path.parent / "tries").unlink()
    ws.write("mltrack.yaml", ws.read("mltrack.yaml").replace("tries: 3", "tries: 2"))
    ws.mltrack("repro", "--force", code=8)
    assert (ws.path.parent / "tries").read_text() == "x\nx\n"


def test_a_timeout_ends_the_whole_process_group_and_says_so(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: sleep 60 & echo $! > ../child; wait\n    outs: [o]\n    timeout: 500ms\n",
    )
    assert "took longer than its timeout of 0.5 s" in ws.mltrack("repro", code=8).err
    assert ends(int((ws.path.parent / "child").read_text()))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program", "exit code 127: a program in it was not found"),
        ("./file", "exit code 126: a program in it may not be executed"),
        ("kill -9 $$", "was killed by SIGKILL (often: out of memory)"),
        (
            "sh -c 'kill -TERM $$'; exit $?",
            "exit code 143: a program in it was killed by SIGTERM",
        ),
        ("true", "it did not write 'o', declared as its output"),
    ],
)
def test_what_a_command_died_of_is_said(command: str, said: str, ws: Workspace) -> None:
    ws.write("file", "x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: |\n      " + command + "\n    outs: [o]\n",
    )
    assert said in ws.mltrack("repro", code=8).err
    assert not ws.exists("mltrack.lock") or '"s"' not in ws.read("mltrack.lock")


def test_the_output_of_runs_is_kept(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: cat i; cp i o\n    deps: [i]\n    outs: [o]\n",
    )
    for text in ("one", "two"):
        ws.write("i", text)
        ws.mltrack("repro")
    assert (
        ws.mltrack("logs", "t").out == "two"
        and ws.mltrack("logs", "t", "--run", "2").out == "one"
    )
    assert [log["state"] for log in ws.mltrack("logs", "t", "--json").json["logs"]] == [
        "current",
        "recorded",
    ]
    assert "there are 2 runs" in ws.mltrack("logs", "t", "--run", "3", code=2).err
    assert "no stage or output named 'none'" in ws.mltrack("logs", "none", code=2).err
