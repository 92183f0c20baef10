"""What is asked of the operating system: which process is which, and whole writes."""

import errno
import os
import pwd
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.disk.abilities import Ability
from mltrack.runners.worker import system
from mltrack.runners.worker.system import (
    VARIABLE,
    carries,
    holder_note,
    start_time,
    user_name,
    words_of,
    write_all,
)
from tests.support.abilities import needs
from tests.support.processes import ends, is_alive, sleeper


def test_a_process_is_named_by_its_number_and_its_start() -> None:
    own = start_time(os.getpid())
    assert own == start_time(os.getpid())
    with subprocess.Popen(["sleep", "600"]) as other:
        assert start_time(other.pid) not in ("", "gone")
        other.kill()
    assert start_time(other.pid) == "gone" == start_time(999_999_999)


@needs(Ability.PROC)
def test_a_name_with_odd_characters_hides_no_start(tmp_path: Path) -> None:
    program = tmp_path / ") 1 (x"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "600"]) as made:
        assert abs(int(start_time(made.pid)) - int(start_time(os.getpid()))) < 10**7
        assert start_time(made.pid) != "1"
        made.kill()


def test_a_process_carries_the_token_that_it_was_given() -> None:
    made = sleeper(**{VARIABLE: "t" * 32, "OTHER": f"{VARIABLE}=x"})
    try:
        assert carries(made.pid, "t" * 32)
        for token in ("t" * 31, "t" * 33, "x", ""):
            assert not carries(made.pid, token)
    finally:
        made.kill()
        made.wait()
    assert not carries(made.pid, "t" * 32) and not carries(999_999_999, "x")


def test_all_descendants_are_ended_whatever_they_did_to_hide(tmp_path: Path) -> None:
    """In a process of its own: its descendants are not ours."""
    code = """
import os, subprocess, sys, time
from mltrack.runners.worker.system import end_descendants
from mltrack.runners.worker.supervise import _adopt_orphans
_adopt_orphans()
hide = "exec 3<&0; (setsid sleep 600 & echo $! >> pids; sleep 600 & echo $! >> pids) &"
subprocess.Popen(["sh", "-c", hide + " wait"], env={"PATH": os.environ["PATH"]})
while not os.path.exists("pids") or open("pids").read().count("\\n") < 2:
    time.sleep(0.01)
end_descendants()
os.rename("pids", "ended")
"""
    subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, check=True, timeout=60
    )
    pids = [int(word) for word in (tmp_path / "ended").read_text().split()]
    assert len(pids) == 2 and all(ends(pid) for pid in pids)


def test_who_has_no_descendants_ends_nobody() -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        # a process without children of its own
        code = "from mltrack.runners.worker.system import end_descendants as e; e()"
        subprocess.run([sys.executable, "-P", "-c", code], check=True)
        assert is_alive(other.pid)
        other.kill()


def test_a_holder_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    note = holder_note("train")
    assert note == {
        "pid": os.getpid(),
        "started": start_time(os.getpid()),
        "label": "train",
        "user": pwd.getpwuid(os.getuid()).pw_name,
    }
    monkeypatch.setattr(system.os, "getuid", lambda: 54_321)
    assert user_name() == "54321"


@given(st.integers(0, 5 << 20))
def test_a_write_is_whole_however_little_one_call_takes(size: int) -> None:
    data = os.urandom(1000) * (size // 1000)
    read, write = os.pipe()
    pieces: list[bytes] = []

    def reading() -> None:
        while piece := os.read(read, 70_000):
            pieces.append(piece)

    thread = threading.Thread(target=reading)
    thread.start()
    write_all(write, data)
    os.close(write)
    thread.join()
    os.close(read)
    assert b"".join(pieces) == data


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "/a"), "/a: No space left"),
        (OSError(errno.ENOSPC, "No space left", b"/\xff"), "/\udcff: No space left"),
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (OSError("odd"), "odd"),
        (OSError(errno.EIO, "failed", 7), "failed"),
    ],
)
def test_an_error_is_told_with_the_path_it_is_about(error: OSError, words: str) -> None:
    assert words_of(error) == words
