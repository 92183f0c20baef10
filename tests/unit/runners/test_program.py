"""The worker as one file: the same bytes each time, taken once, and never half."""

import hashlib
import io
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mltrack.runners import program as module
from mltrack.runners.program import (
    GREETING,
    HAVE,
    NEED,
    PACKAGE,
    Program,
    boot_arguments,
    worker_program,
)
from mltrack.runners.worker import frames, messages


def started(
    place: Path, program: Program, given: bytes, *, shown: str = ""
) -> "subprocess.CompletedProcess[bytes]":
    """Starts the worker as a host does; ``given`` is all that it can read."""
    return subprocess.run(
        [sys.executable, *boot_arguments(shown or str(place), program)],
        input=given,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def saying() -> Program:
    """A worker that says where it runs, and ends."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        inner = f"{PACKAGE}/runners/worker"
        for package in (PACKAGE, f"{PACKAGE}/runners", inner):
            archive.writestr(f"{package}/__init__.py", "")
        archive.writestr(f"{inner}/serve.py", "def main(p): print('ran in', p)")
    return Program(buffer.getvalue(), hashlib.sha256(buffer.getvalue()).hexdigest())


def test_the_same_sources_make_the_same_bytes() -> None:
    first = worker_program()
    module.worker_program.cache_clear()
    assert worker_program() == first
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        names = archive.namelist()
    worker = Path(module.__file__).parent / "worker"
    logger = worker.parents[1] / "logger"
    expected = {
        f"{PACKAGE}/{path.relative_to(top)}"
        for path, top in (
            *((path, worker.parents[1]) for path in worker.glob("*.py")),
            *((path, logger.parent) for path in logger.rglob("*.py")),
        )
    }
    empty = {f"{PACKAGE}/__init__.py", f"{PACKAGE}/runners/__init__.py"}
    assert {*names} == {*expected, *empty, "mltrack/__init__.py"}
    assert len(names) == len({*names})


def test_it_is_sent_once_and_found_from_then_on(
    tmp_path: Path, saying: Program
) -> None:
    place = tmp_path / "deep/host"
    first = started(place, saying, saying.data)
    assert first.stdout == b"\n" + GREETING + NEED + b"\nran in %s\n" % bytes(place)
    again = started(place, saying, b"")
    assert again.stdout == b"\n" + GREETING + HAVE + b"\nran in %s\n" % bytes(place)
    [file] = place.iterdir()
    assert file.read_bytes() == saying.data and saying.digest[:16] in file.name
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_damaged_one_is_sent_again(tmp_path: Path, saying: Program) -> None:
    started(tmp_path, saying, saying.data)
    [file] = tmp_path.iterdir()
    file.write_bytes(saying.data[:-1])
    again = started(tmp_path, saying, saying.data)
    assert NEED in again.stdout and b"ran in" in again.stdout
    assert file.read_bytes() == saying.data


def test_what_arrives_cut_or_changed_does_not_run(
    tmp_path: Path, saying: Program
) -> None:
    cut = started(tmp_path, saying, saying.data[:-1])
    assert cut.returncode == 1 and b"ran in" not in cut.stdout
    assert list(tmp_path.iterdir()) == []
    changed = started(tmp_path, saying, b"x" + saying.data[1:])
    assert changed.returncode and b"did not arrive whole" in changed.stderr
    assert b"ran in" not in changed.stdout


def test_another_version_has_a_file_of_its_own(tmp_path: Path, saying: Program) -> None:
    started(tmp_path, saying, saying.data)
    other = Program(saying.data, "0" * 64)
    assert NEED in started(tmp_path, other, b"").stdout


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path, saying: Program) -> None:
    (tmp_path / "file").touch()
    done = started(tmp_path / "file/host", saying, saying.data)
    assert (
        done.returncode and b"file" in done.stderr and b"Traceback" not in done.stderr
    )


def test_a_home_directory_is_found_on_the_host(
    tmp_path: Path, saying: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = started(tmp_path, saying, saying.data, shown="~/host")
    assert b"ran in %s/host\n" % bytes(tmp_path) in done.stdout


def test_no_shell_changes_what_starts_it(saying: Program) -> None:
    words = boot_arguments("place", saying)
    code = shlex.join(["printf", "%s\\n", *words])
    done = subprocess.run(["sh", "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == words
    # what csh and its like would take for something else
    assert not set("$`\\!\n") & set("".join(words))


def test_the_real_one_answers(tmp_path: Path) -> None:
    worker = worker_program()
    hello = messages.to_wire(messages.Hello("xxh3", 0, str(tmp_path / "locks"), 0))
    with subprocess.Popen(
        [sys.executable, *boot_arguments(str(tmp_path / "host"), worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"\n"
        assert process.stdout.readline() == GREETING + NEED + b"\n"
        process.stdin.write(worker.data)
        process.stdin.flush()
        frames.send(process.stdin.fileno(), hello)
        reply, data = frames.receive(process.stdout.fileno())
        process.stdin.close()
        assert reply["place"] == str(tmp_path / "host") and data == b""
        assert process.wait() == 0
