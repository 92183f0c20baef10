"""What ssh says, and what is made of it: by a program that takes the place of ssh."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.runners.connection import Address, Connection
from mltrack.runners.job import State
from tests.support.runners import Bench, job, wait, wait_for_text

NO_NAME = "ssh: Could not resolve hostname worker: Temporary failure in name resolution"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Says what ssh does first, as shell text; where that does not end it, the command
    runs here.
    """
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/ssh"
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def does(text: str) -> None:
        aside = program.with_suffix(".new")
        aside.write_text(
            f'#!/bin/sh\n{text}\nfor last; do :; done\nexec sh -c "$last"\n'
        )
        aside.chmod(0o755)
        aside.rename(program)

    does("")
    return does


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "project").mkdir()
    made = Bench(
        tmp_path, "ssh", [Address("worker", sys.executable, str(tmp_path / "host"))]
    )
    yield made
    made.close()


def test_a_name_that_cannot_be_resolved_for_a_while_ends_no_job(
    ssh: Callable[[str], None], bench: Bench, tmp_path: Path
) -> None:
    """As on a laptop that wakes, whose network comes some seconds later."""
    runner = bench.open()
    ticket = runner.submit(
        job(f"echo begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done")
    )
    wait_for_text(runner, ticket, b"begun")
    ssh(f"echo x >> {tmp_path}/tried; echo '{NO_NAME}' >&2; exit 255")
    # with what it started: the worker
    os.killpg(runner.hosts[0]._connection._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    wait(
        runner, ticket, lambda poll: (tmp_path / "tried").exists() or poll.state.is_over
    )
    ssh("")
    (tmp_path / "go").touch()
    assert wait(runner, ticket)[0].state is State.DONE


def test_a_name_that_cannot_be_resolved_when_a_command_begins_is_tried_once(
    ssh: Callable[[str], None], bench: Bench, tmp_path: Path
) -> None:
    ssh(f"echo x >> {tmp_path}/tried; echo '{NO_NAME}' >&2; exit 255")
    with pytest.raises(RemoteError, match="Could not resolve"):
        _ = bench.open().abilities
    assert (tmp_path / "tried").read_text() == "x\n"


def test_the_last_words_of_a_host_that_says_a_lot_are_shown(
    ssh: Callable[[str], None], bench: Bench
) -> None:
    ssh("yes chatter | head -c 200000 >&2; echo 'Permission denied' >&2; exit 255")
    with pytest.raises(RemoteError, match="Permission denied") as raised:
        Connection(bench.addresses[0])
    assert not raised.value.retryable
