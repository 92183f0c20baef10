"""What a runner does that keeps nothing: its jobs end with the command."""

import pytest

from mltrack.errors import UsageError
from mltrack.runners.job import Item, Job, KnownJob, Ticket
from tests.support.local_only import LocalOnly


class Plain(LocalOnly):
    name = "plain"

    def submit(self, job: Job, origin: object = None) -> Ticket:
        return Ticket("plain", job.key, "1", "log")


JOB = Job("ab" * 16, "s", "/bin/sh", "", (Item("", ("x",)),))
KNOWN = KnownJob("ab" * 16, "s", "p", "host", 1, "running", "t")


def test_it_finds_nothing_and_keeps_nothing() -> None:
    runner = Plain()
    ticket = runner.submit(JOB)
    assert runner.holds(JOB) == "" and runner.detach(ticket) is False
    assert (runner.jobs(), runner.silent(), runner.bring([])) == ([], {}, [])
    assert runner.recover() == []
    runner.fetch(ticket)
    runner.settle(ticket)
    runner.reject(ticket)
    runner.forget(ticket)
    runner.drop(KNOWN)
    runner.release({"ab" * 16})
    runner.close()


def test_its_jobs_cannot_be_followed_or_ended_later() -> None:
    for ask in (lambda: Plain().follow(KNOWN, 0, 0.0), lambda: Plain().end(KNOWN)):
        with pytest.raises(UsageError, match="the jobs of plain end with the command"):
            ask()
