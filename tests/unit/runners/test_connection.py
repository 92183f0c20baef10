"""A connection to a worker: whatever the other side says before, instead and at its
end, it is understood or told.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import ConfigError, IntegrityError, RemoteError, WorkspaceError
from mltrack.runners import connection as module
from mltrack.runners.connection import (
    Address,
    Connection,
    check_host,
    check_python,
    pipelined,
)
from mltrack.runners.job import State
from mltrack.runners.program import worker_program
from mltrack.runners.worker.messages import Known, Read
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


SPEAK = """
import sys; sys.path.insert(0, {root!r})
from mltrack.runners.worker import frames
def answer(message, data=b""): frames.send(1, message, data)
def asked(): return frames.receive(0)
"""


def other_side(tmp_path: Path, code: str, host: str = "") -> Address:
    """An address at which a program of the test's own answers instead of a worker."""
    root = str(Path(module.__file__).parents[2])
    script = tmp_path / "python3"
    text = (
        f"#!{sys.executable} -P\nimport os, sys, time\n{SPEAK.format(root=root)}{code}"
    )
    script.write_text(text)
    script.chmod(0o755)
    return Address(host, str(script), "place")


HAVE = "os.write(1, b'MLTRACK-WORKER have\\n')\n"


# addresses


@pytest.mark.parametrize(
    "host", ["gpu1", "me@gpu1.lab", "10.0.0.1", "[::1]", "fe80::1%eth0", "a_b-c"]
)
def test_names_of_hosts_are_taken(host: str) -> None:
    check_host(host)


@given(
    st.one_of(
        st.text("ab-;|&$`'\"\\ \n\t(){}<>*?~#!=,", min_size=0, max_size=9),
        st.text("ab", min_size=256, max_size=300),
    )
)
def test_what_a_shell_or_ssh_would_take_for_more_is_no_host(host: str) -> None:
    harmless = set(host) <= set("ab-") and not host.startswith("-")
    if host and harmless and len(host) <= 255:
        check_host(host)
        check_python(host)
        return
    with pytest.raises(ConfigError, match="not the name of a host"):
        check_host(host)
    if host and set(host) <= set("ab-~") and host[0] != "-" and len(host) <= 255:
        check_python(host)
    else:
        with pytest.raises(ConfigError, match="not the path of a Python"):
            check_python(host)


def test_ssh_is_asked_for_nothing_that_it_would_ask_a_person_about() -> None:
    words = Address("gpu1", "python3", "~/place", "/my/config").command()
    assert words[:3] == ["ssh", "-F", "/my/config"]
    assert words[-3:-1] == ["--", "gpu1"] and "BatchMode=yes" in words
    assert words[-1].startswith("python3 -c ") and "'~/place'" in words[-1]
    assert "StrictHostKeyChecking=no" not in " ".join(words)
    assert "-F" not in Address("gpu1", "python3", "p").command()


def test_on_this_machine_there_is_no_ssh() -> None:
    address = Address("", "/usr/bin/python3", "p")
    assert address.command()[:2] == ["/usr/bin/python3", "-c"]
    assert address.shown == "this machine" and Address("h", "p", "p").shown == "h"


# greetings


@pytest.mark.parametrize(
    "noise",
    [
        "",
        "Welcome to gpu1!\n\nLast login: today\n",
        "no line end",
        "\x1b[31mcolours\x1b[0m\r\n",
        "x" * 100_000 + "\n",
    ],
)
def test_what_a_login_prints_before_is_passed_over(tmp_path: Path, noise: str) -> None:
    code = f"sys.stdout.write({noise!r}); sys.stdout.flush()\n{HAVE}"
    code += "asked(); answer({'jobs': []}, b'data')\n"
    found = Connection(other_side(tmp_path, code))
    assert found.request(Known()) == ({"jobs": []}, b"data")
    found.close()


def test_a_host_that_lacks_the_program_is_sent_it(tmp_path: Path) -> None:
    size = len(worker_program().data)
    code = (
        "os.write(1, b'\\nMLTRACK-WORKER need\\n'); data = b''\n"
        f"while len(data) < {size}: data += os.read(0, {size} - len(data))\n"
        f"open({str(tmp_path / 'came')!r}, 'wb').write(data)\n"
        "asked(); answer({})\n"
    )
    found = Connection(other_side(tmp_path, code))
    found.request(Known())
    found.close()
    assert (tmp_path / "came").read_bytes() == worker_program().data


@pytest.mark.parametrize(
    ("code", "says", "retryable"),
    [
        ("os.write(1, b'MLTRACK-WORKER old 3.6\\n')", "is Python 3.6, and the", False),
        ("sys.exit('place: No space left')", "ended: place: No space left", False),
        ("sys.exit(0)", "ended: the connection ended", True),
        ("sys.exit(127)", "this machine has no ", False),
        ("sys.stderr.write('sh: python3: not found'); sys.exit(1)", "has no ", False),
        ("os.write(1, b'x' * 20_000)", "this machine ended", True),
    ],
)
def test_who_does_not_greet_is_told_as_what_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    says: str,
    retryable: bool,
) -> None:
    monkeypatch.setattr(module, "_MAX_NOISE", 10_000)
    with pytest.raises(RemoteError, match=says) as raised:
        Connection(other_side(tmp_path, code))
    assert raised.value.retryable == retryable


def test_a_host_that_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GREETING_SECONDS", 0.2)
    with pytest.raises(RemoteError, match="does not answer") as raised:
        Connection(other_side(tmp_path, "os.write(1, b'hello')\ntime.sleep(600)"))
    assert raised.value.retryable


def test_without_a_program_to_start_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="cannot start /nowhere/python3"):
        Connection(Address("", "/nowhere/python3", str(tmp_path)))


def ssh_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Puts a program in the place of ssh."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "bin/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("words", "retryable"),
    [
        ("ssh: connect to host gpu1 port 22: Connection refused", True),
        ("Connection closed by 10.0.0.1", True),
        ("Host key verification failed.", False),
        ("me@gpu1: Permission denied (publickey).", False),
        ("ssh: Could not resolve hostname gpu1", True),
    ],
)
def test_what_ssh_says_is_shown_as_it_words_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, retryable: bool
) -> None:
    warning = "Warning: Permanently added it"
    ssh_that(
        monkeypatch, tmp_path, f"echo '{warning}' >&2; echo '{words}' >&2; exit 255"
    )
    with pytest.raises(RemoteError, match="ssh cannot reach gpu1") as raised:
        Connection(Address("gpu1", "python3", "p", "/my/config"))
    assert words in raised.value.message and "Permanently" not in raised.value.message
    assert raised.value.retryable == retryable
    assert raised.value.hint == (
        "try it by hand: ssh -F /my/config -o BatchMode=yes gpu1 true"
    )


# requests and replies


def test_several_requests_are_under_way_and_answered_in_order(tmp_path: Path) -> None:
    code = (
        HAVE + "for n in range(9): message, data = asked(); answer(message, b'%d' % n)"
    )
    found = Connection(other_side(tmp_path, code))
    requests = [Read([f"{number}"]) for number in range(9)]
    replies = []
    for number, reply in enumerate(pipelined(found, requests, 3)):
        assert found.pending <= min(3, 9 - number) - 1
        replies.append(reply)
    assert replies == [
        ({"verb": "read", "objects": [f"{n}"]}, b"%d" % n) for n in range(9)
    ]
    found.close()


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        ({"error": "bytes", "kind": "damaged"}, IntegrityError, "this machine: bytes"),
        ({"error": "x.json", "kind": "tampered"}, WorkspaceError, "x.json"),
        ({"error": "/a: No space left", "kind": "system"}, RemoteError, "No space"),
        ({"error": "odd"}, RemoteError, "odd"),
    ],
)
def test_an_error_of_the_other_side_is_raised_and_the_next_request_is_answered(
    tmp_path: Path, reply: dict[str, str], error: type, says: str
) -> None:
    code = f"{HAVE}asked(); answer({reply!r}); asked(); answer({{'jobs': []}})\n"
    found = Connection(other_side(tmp_path, code))
    with pytest.raises(error, match=says) as raised:
        found.request(Known())
    if "No space" in reply["error"]:
        assert "free some space there" in raised.value.hint
    assert not found.is_lost and found.request(Known())[0] == {"jobs": []}
    found.close()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("sys.exit('its last words')", "ended: its last words"),
        ("asked(); os.write(1, b'nonsense' * 9); sys.exit()", "the connection ended"),
        ("asked(); os.write(1, b'MLTF')", "the connection ended"),
    ],
)
def test_a_connection_that_is_lost_is_told_with_the_last_words(
    tmp_path: Path, code: str, says: str
) -> None:
    found = Connection(other_side(tmp_path, HAVE + code))
    with pytest.raises(RemoteError, match=says):
        for _ in range(1000):  # until the pipe is full, where nobody reads
            found.request(Known(["x" * 10_000]))
    assert found.is_lost
    found.close()


def test_an_exchange_that_was_cut_off_is_of_no_use_any_more(tmp_path: Path) -> None:
    found = Connection(other_side(tmp_path, HAVE + "asked(); time.sleep(600)"))
    found.send(Known())
    assert found.pending == 1
    error = found.abandoned()
    assert error.retryable and found.is_lost and "was cut off" in error.message
    found.close()


def test_closing_ends_the_other_side_even_if_it_does_not_listen(
    tmp_path: Path,
) -> None:
    ended = other_side(tmp_path, HAVE + "sys.stdin.read()")
    (tmp_path / "deaf").mkdir()
    deaf = other_side(
        tmp_path / "deaf",
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        f"{HAVE}time.sleep(600)",
    )
    processes = []
    for address in (ended, deaf):
        found = Connection(address)
        processes.append(found._process)
        found.close()
    assert [process.returncode for process in processes] == [0, -9]


def test_a_reply_can_be_waited_for_beside_other_things(tmp_path: Path) -> None:
    go_on = tmp_path / "go"
    os.mkfifo(go_on)
    code = f"{HAVE}asked(); open({str(go_on)!r}).read(); answer({{}})"
    found = Connection(other_side(tmp_path, code))
    found.send(Known())
    assert not module.is_readable(found.descriptor)
    threading.Thread(target=go_on.write_text, args=("",)).start()
    assert module.is_readable(found.descriptor, 60.0)
    assert found.receive() == ({}, b"")
    found.close()


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
