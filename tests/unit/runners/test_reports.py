"""What is said of hosts and of the jobs that they knew."""

from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.runners.acquaintance import connect
from mltrack.runners.connection import Address
from mltrack.runners.host import Host
from mltrack.runners.job import KnownJob
from mltrack.runners.reports import jobs_of, report_of
from mltrack.runners.task import Board, HostSettings
from mltrack.runners.tickets import Tickets
from mltrack.store.local.cache import Cache


@pytest.fixture
def host(
    address: Address, settings: HostSettings, cache: Cache, tmp_path: Path
) -> Host:
    return Host(address, settings, Board(), cache, Tickets(str(tmp_path / "jobs")))


def test_two_who_meet_tell_each_other_what_they_are(
    address: Address, settings: HostSettings
) -> None:
    connection, hello = connect(address, settings, XXH3)
    connection.close()
    assert hello["place"] == address.place and hello["hashes"] is True
    assert len(hello["gpus"]) == 2 and abs(hello["skew"]) < 60
    settings = HostSettings("box", {}, settings.locks, 1, "")
    connection, hello = connect(address, settings, XXH3)
    connection.close()
    # those that the driver names, where nothing is set
    assert all(gpu[2] for gpu in hello["gpus"])


def test_who_cannot_be_met_leaves_no_connection(
    tmp_path: Path, settings: HostSettings
) -> None:
    with pytest.raises(RemoteError, match="cannot start"):
        connect(Address("", "/nowhere", str(tmp_path)), settings, XXH3)


def test_a_host_is_reported_with_what_it_has(host: Host) -> None:
    host.open()
    report = report_of(host)
    host.close()
    assert report.name == "this machine" and report.problems == ()
    assert report.facts["gpus"] == 2.0 and report.facts["cpus"] >= 1
    assert "skew" not in report.facts and len(report.slots) == 2
    assert report.notes == ()


@pytest.mark.parametrize(
    ("skew", "note"), [(59.0, None), (3600.4, "3600 s ahead"), (-90.0, "90 s behind")]
)
def test_a_clock_that_is_off_is_noted(
    host: Host, skew: float, note: str | None
) -> None:
    host.open()
    host.hello["skew"] = skew
    host.hello["hashes"] = False
    report = report_of(host)
    host.close()
    assert any("no xxhash or blake3 there" in problem for problem in report.problems)
    assert [note in line for line in report.notes if note] == [True] * bool(note)
    assert len(report.notes) == bool(note)


def test_a_host_that_was_not_reached_is_reported_with_why(host: Host) -> None:
    host.trouble = RemoteError("no way there", hint="mend it")
    report = report_of(host)
    assert report.problems == ("no way there; mend it",) and report.facts == {}


def test_the_jobs_that_a_host_knew_are_listed(host: Host) -> None:
    row: dict[str, Any] = {
        "key": "ab" * 16,
        "label": "s",
        "project": "p",
        "number": 3,
        "state": "done",
        "token": "t",
        "gpus": ["1"],
        "exit_code": 0,
        "age": 5.5,
        "is_taken": True,
    }
    host.known = {row["key"]: row}
    assert jobs_of(host) == [
        KnownJob(
            "ab" * 16,
            "s",
            "p",
            "this machine",
            3,
            "done",
            "t",
            ("1",),
            0,
            5.5,
            is_taken=True,
        )
    ]
