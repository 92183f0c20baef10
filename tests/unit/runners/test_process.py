"""One command as a process group: its end, its code, and all that it started."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mltrack.runners import process as module
from mltrack.runners.process import (
    Process,
    interrupts_deferred,
    is_readable,
    kernel_kills,
)
from tests.support.processes import ends, is_alive


def run(tmp_path: Path, command: str, *inherited: int, **variables: str) -> Process:
    output = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        return Process(
            ["sh", "-c", command],
            str(tmp_path),
            {"PATH": os.environ["PATH"], **variables},
            output,
            inherited,
        )
    finally:
        os.close(output)


@pytest.mark.parametrize(
    ("command", "code"), [("true", 0), ("exit 7", 7), ("kill -9 $$", -9)]
)
def test_it_ends_with_its_code_once(tmp_path: Path, command: str, code: int) -> None:
    made = run(tmp_path, command)
    assert is_readable(made.ended, 60.0)
    assert made.reap() == code == made.reap() and made.ended == -1


def test_where_it_runs_and_what_it_is_given(tmp_path: Path) -> None:
    held = os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT)
    made = run(
        tmp_path,
        f"pwd; echo $A; cat; echo err >&2; ls /proc/self/fd/{held}",
        held,
        A="1",
    )
    assert made.reap() == 0
    said = (tmp_path / "log").read_text().split()
    assert said == [str(tmp_path), "1", "err", f"/proc/self/fd/{held}"]
    os.close(held)


def test_a_signal_reaches_all_that_it_started(tmp_path: Path) -> None:
    made = run(tmp_path, "sleep 600 & echo $! > pid; wait")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    inner = int((tmp_path / "pid").read_text())
    assert not is_readable(made.ended) and is_alive(inner)
    made.signal(signal.SIGTERM)
    assert made.reap() == -signal.SIGTERM and ends(inner)
    made.signal(signal.SIGTERM)


def test_how_much_memory_it_took_is_told(tmp_path: Path) -> None:
    code = "bytearray(200 << 20)"
    made = run(tmp_path, f"{sys.executable} -c '{code}'")
    assert made.reap() == 0 and 200 << 20 < made.peak_memory < 2 << 30


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nosuch"):
        Process(["./nosuch"], str(tmp_path), {}, 1)
    with pytest.raises(OSError, match="nowhere"):
        Process(["true"], str(tmp_path / "nowhere"), dict(os.environ), 1)


@pytest.mark.parametrize(
    ("command", "killed_for_memory"),
    [("kill -9 $$", True), ("exit 137", True), ("kill -15 $$", False), ("true", False)],
)
def test_who_was_killed_while_the_kernel_killed_for_memory_ran_out_of_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    killed_for_memory: bool,
) -> None:
    kills = [3]
    monkeypatch.setattr(module, "kernel_kills", lambda: kills[0])
    monkeypatch.setattr(module._Kills, "seen", -1)
    made = run(tmp_path, command)
    kills[0] = 4
    made.reap()
    assert made.out_of_memory == killed_for_memory
    made = run(tmp_path, "kill -9 $$")
    made.reap()
    # one kill of the kernel is that of one process
    assert made.out_of_memory == (not killed_for_memory)


def test_the_kernel_counts_its_kills() -> None:
    assert kernel_kills() >= 0


def test_a_descriptor_of_any_number_is_waited_for(tmp_path: Path) -> None:
    read, write = os.pipe()
    high = 1500
    os.dup2(read, high)
    assert not is_readable(high) and not is_readable(high, -1.0)
    os.write(write, b"x")
    assert is_readable(high)
    os.close(write)
    os.read(high, 9)
    assert is_readable(high), "the other side has gone"
    os.close(read)
    os.close(high)


def test_an_interrupt_waits_until_we_know_of_what_was_started() -> None:
    order: list[str] = []
    try:
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            order.append("known")
    except KeyboardInterrupt:
        order.append("interrupted")
    assert order == ["known", "interrupted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_request_to_end_waits_too_and_ends_the_process_then() -> None:
    code = (
        "import os, signal; from mltrack.runners.process import interrupts_deferred\n"
        "with interrupts_deferred():\n"
        "    os.kill(os.getpid(), signal.SIGTERM); print('known', flush=True)\n"
        "print('not reached')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGTERM and done.stdout == b"known\n"


def test_other_threads_leave_the_signals_alone() -> None:
    seen: list[object] = []

    def ask() -> None:
        with interrupts_deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
