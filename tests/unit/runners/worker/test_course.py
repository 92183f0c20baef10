"""The course of a job's commands: what follows what, and when time is over."""

import signal
import subprocess

import pytest

from mltrack.runners.worker.course import Course, arguments
from mltrack.runners.worker.system import GRACE_SECONDS


def run(course: Course, codes: dict[str, int], moment: float = 0.0) -> list[str]:
    """Runs a course to its end, each command for a second; returns what was run."""
    ran = []
    course.begin(moment)
    while not course.is_over:
        ran.append(course.command)
        moment += 1.0
        course.overdue(moment)
        course.note_end(codes.get(course.command, 0), moment)
    return ran


def test_commands_run_one_after_another() -> None:
    course = Course([("one", ["a", "b"]), ("two", ["c"])], None)
    assert run(course, {}) == ["a", "b", "c"]
    assert [tuple(one) for one in course.done] == [
        ("one", 0, "b", 2.0),
        ("two", 0, "c", 1.0),
    ]
    assert course.first_failure is None


def test_an_item_ends_with_its_first_failure_and_the_next_one_runs() -> None:
    course = Course([("one", ["a", "b"]), ("two", ["c"]), ("three", ["d"])], None)
    assert run(course, {"a": 3, "d": 4}) == ["a", "c", "d"]
    assert course.first_failure == ("one", 3, "a", 1.0)


def test_when_time_is_over_nothing_more_is_started() -> None:
    course = Course([("one", ["a", "b"]), ("two", ["c"])], 2.0)
    assert run(course, {"b": -15}) == ["a", "b"]
    assert course.timed_out and course.first_failure == ("one", -15, "b", 2.0)


def test_a_command_that_ends_well_once_asked_to_has_failed_all_the_same() -> None:
    course = Course([("one", ["a"])], 1.0)
    run(course, {})
    assert course.first_failure == ("one", -15, "a", 1.0)


def test_who_does_not_listen_is_killed_after_a_grace() -> None:
    course = Course([("one", ["a"])], 5.0)
    course.begin(100.0)
    assert course.next_moment == 105.0 and course.overdue(104.9) == 0
    assert course.overdue(105.0) == signal.SIGTERM
    assert course.overdue(105.1) == 0
    assert course.next_moment == 105.0 + GRACE_SECONDS
    assert course.overdue(105.0 + GRACE_SECONDS) == signal.SIGKILL


def test_without_a_timeout_time_is_never_over() -> None:
    course = Course([("one", ["a"])], None)
    course.begin(0.0)
    assert course.overdue(1e9) == 0 and course.next_moment == float("inf")


@pytest.mark.parametrize("setup", ["", "X=1"])
@pytest.mark.parametrize(
    ("command", "printed", "code"),
    [
        ("echo a; false; echo b", "a\nb\n", 0),
        ("echo a\nfalse\necho b", "a\n", 1),
        ("echo ${X:-none}", None, 0),
        ("exit 7", "", 7),
    ],
)
def test_several_lines_stop_at_the_first_that_fails(
    setup: str, command: str, printed: str | None, code: int
) -> None:
    done = subprocess.run(
        arguments("/bin/sh", command, setup),
        capture_output=True,
        text=True,
        check=False,
    )
    expected = ("1\n" if setup else "none\n") if printed is None else printed
    assert (done.stdout, done.returncode, done.stderr) == (expected, code, "")


def test_a_setup_that_ends_the_shell_is_told_from_a_command_that_does() -> None:
    words = arguments("/bin/sh", "echo ran", "exit 3")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 3)
    assert "the setup of this runner failed" in done.stderr
