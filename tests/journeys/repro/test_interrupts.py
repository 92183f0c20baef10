"""A repro that was interrupted or killed: what finished is kept, what runs is ended,
the next one goes on.
"""

import signal
import subprocess
import sys
import time

from tests.support.processes import ends, is_alive
from tests.support.steps import CHAIN
from tests.support.workspace import Workspace


def test_an_interrupt_ends_all_that_runs_and_keeps_what_is_done(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch a\n    outs: [a]\n"
        + "".join(
            f"  s{n}:\n    cmd: sleep 60 & echo $! > child{n}; wait\n    deps: [a]\n    outs: [o{n}]\n"
            for n in range(3)
        ),
    )
    command = [sys.executable, "-P", "-m", "mltrack", "repro", "-j", "3"]
    running = subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    children = [ws.path / f"child{n}" for n in range(3)]
    while not all(child.exists() and child.read_text().strip() for child in children):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert all(ends(int(child.read_text())) for child in children)
    assert "1 unchanged" in ws.mltrack("repro", "a").out


def test_a_second_interrupt_leaves_no_time_to_clean_up(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: trap '' TERM; echo $$ > ../pid; sleep 60; sleep 60\n    outs: [o]\n",
    )
    command = [sys.executable, "-P", "-m", "mltrack", "repro"]
    running = subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    pid = ws.path.parent / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None, "the command was given no time"
    running.send_signal(signal.SIGINT)
    assert running.wait(5) == 130
    assert ends(int(pid.read_text()))


def test_a_repro_that_was_killed_keeps_what_finished(chain: Workspace) -> None:
    chain.write(
        "mltrack.yaml", CHAIN.replace("wc -c < a.txt > b.txt", "kill -9 $PPID; sleep 5")
    )
    chain.mltrack("repro", code=None)
    chain.write("mltrack.yaml", CHAIN)
    assert "first: unchanged" in chain.mltrack("repro").err


def test_the_journal_of_a_killed_repro_says_nothing_about_another_commit(
    ws: Workspace,
) -> None:
    ws.write("x", "1")
    text = "stages:\n  a:\n    cmd: cp x a\n    deps: [x]\n    outs: [a]\n  b:\n    cmd: {}\n    deps: [a]\n    outs: [b]\n"
    ws.write("mltrack.yaml", text.format("cp a b"))
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("x", "2")
    ws.write("mltrack.yaml", text.format("kill -9 $PPID; sleep 5"))
    ws.mltrack("repro", code=None)
    locked = ws.mltrack("ls", "--json").json["tracked"]
    # any other lock than the one it ran on
    ws.write("mltrack.lock", ws.read("mltrack.lock") + "\n")
    assert ws.mltrack("ls", "--json").json["tracked"] != locked


def test_a_command_that_a_killed_repro_left_running_is_ended_before_the_next_run(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $$ >> ../pids; for i in 1 2 3 4 5 6; do echo line$i >> out; sleep 0.3; done\n    outs: [out]\n",
    )
    pids = ws.path.parent / "pids"
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "repro"],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not ws.exists("out") or not pids.exists() or not pids.read_text().strip():
        assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.wait()
    left = int(pids.read_text())
    assert is_alive(left)
    assert "left running by an earlier, killed repro" in ws.mltrack("repro").err
    assert ends(left)
    assert ws.read("out") == "".join(f"line{number}\n" for number in range(1, 7))
