"""A new kind of runner is one module: jobs in directories of their own, two at a time,
first come first served.
"""

import inspect
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from mltrack.cli import main
from mltrack.objects import tree
from mltrack.objects.content import TREE
from mltrack.runners import kinds
from mltrack.runners.job import (
    Abilities,
    Job,
    MachineReport,
    Origin,
    Poll,
    Seen,
    Shortage,
    State,
    Ticket,
    Works,
)
from mltrack.runners.kind import Given, Kind, Option, Surroundings
from mltrack.runners.local import LocalRunner
from mltrack.runners.runner import Runner
from tests.conformance import test_runners as suite
from tests.support.runners import SLOTS, Bench
from tests.support.workspace import Workspace

globals().update(
    {
        name: test
        for name, test in vars(suite).items()
        if "runner"
        in ((inspect.isfunction(test) and inspect.signature(test).parameters) or ())
    }
)


class ToyRunner(Runner):
    name = "toy"

    def __init__(self, root: str, jobs_path: str, place: str, locks: str = "") -> None:
        self.root, self.jobs_path, self.place, self.locks = (
            root,
            jobs_path,
            place,
            locks,
        )
        self.numbers, self.queue = count(1), list[Ticket]()
        self.given: dict[Ticket, tuple[Job, Origin | None]] = {}
        self.started: dict[Ticket, tuple[LocalRunner, Ticket]] = {}
        self.capacity = {"gpus": float(SLOTS), "cpus": 2.0}
        self.abilities_ = Abilities(
            Works.APART, survives=False, queues=True, capacity=self.capacity
        )

    @property
    def abilities(self) -> Abilities:
        return self.abilities_

    def report(self) -> list[MachineReport]:
        return [MachineReport("toy", {**self.capacity, "memory": 0})]

    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:
        return LocalRunner(self.root, self.jobs_path, self.capacity, self.locks).lacks(
            resources
        )

    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        for ticket, (other, _) in self.given.items():
            if other.key == job.key and not self._poll(ticket, Seen()).state.is_over:
                return ticket
        number = str(next(self.numbers))
        ticket = Ticket(
            "toy", job.key, number, os.path.join(self.place, f"{number}.log")
        )
        self.given[ticket] = job, origin
        self.queue.append(ticket)
        self._start()
        return ticket

    def _start(self) -> None:
        running = [t for t in self.started if not self._poll(t, Seen()).state.is_over]
        while self.queue and len(running) < SLOTS:
            running.append(ticket := self.queue.pop(0))
            (job, origin), top = (
                self.given[ticket],
                ticket.log_path.removesuffix(".log"),
            )
            os.makedirs(os.path.join(top, job.directory))
            for path, content in job.inputs.items():
                if path not in job.files and origin is not None:
                    self._put(
                        origin,
                        os.path.join(top, path),
                        "d" if content.kind == TREE else "f",
                        content.hex,
                    )
            for path, data in job.files.items():
                Path(top, path).write_bytes(data)
            inner = LocalRunner(
                top, os.path.join(top, ".jobs"), self.capacity, self.locks
            )
            theirs = inner.submit(replace(job, isolated=False, files={}, inputs={}))
            os.link(theirs.log_path, ticket.log_path)
            self.started[ticket] = inner, theirs

    def _put(self, origin: Origin, path: str, kind: str, hex_digest: str) -> None:
        found = origin.find(hex_digest)
        data = found if isinstance(found, bytes) else Path(found or "").read_bytes()
        if kind == "d":
            os.mkdir(path)
            for entry in tree.decode(data, len(hex_digest)):
                self._put(
                    origin,
                    os.path.join(path, os.fsdecode(entry.name)),
                    entry.kind,
                    entry.hex,
                )
        else:
            Path(path).write_bytes(data)
            os.chmod(path, 0o755 if kind == "x" else 0o644)

    def poll(self, asked: Mapping[Ticket, Seen]) -> dict[Ticket, Poll]:
        self._start()
        return {ticket: self._poll(ticket, seen) for ticket, seen in asked.items()}

    def _poll(self, ticket: Ticket, seen: Seen) -> Poll:
        if ticket in self.started:
            inner, theirs = self.started[ticket]
            return replace(inner.poll({theirs: seen})[theirs], place="toy")
        return Poll(
            State.QUEUED
            if ticket in self.queue
            else State.CANCELLED
            if ticket in self.given
            else State.LOST
        )

    def wait(self, seconds: float) -> None:
        for inner, _ in list(self.started.values())[-1:]:
            inner.wait(min(seconds, 0.02))

    def cancel(self, tickets: list[Ticket]) -> None:
        self.queue = [ticket for ticket in self.queue if ticket not in tickets]
        for inner, theirs in (
            self.started[ticket] for ticket in tickets if ticket in self.started
        ):
            inner.cancel([theirs])

    def fetch(self, ticket: Ticket) -> None:
        for path in (
            path for item in self.given[ticket][0].items for path in item.outputs
        ):
            if os.path.lexists(
                made := os.path.join(ticket.log_path.removesuffix(".log"), path)
            ):
                shutil.move(made, os.path.join(self.root, path))

    def forget(self, ticket: Ticket) -> None:
        del self.given[ticket], self.started[ticket]
        shutil.rmtree(ticket.log_path.removesuffix(".log"))
        os.unlink(ticket.log_path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    class ToyBench(Bench):
        def open(self, clone: str = "project") -> Runner:
            (self.path / "place").mkdir()
            return ToyRunner(
                str(self.root),
                str(self.root / "jobs"),
                str(self.path / "place"),
                str(self.path / "locks"),
            )

    (tmp_path / "project").mkdir()
    return ToyBench(tmp_path, "ssh")


runner = suite.runner


def _open(name: str, given: Given, around: Surroundings) -> Runner:
    return ToyRunner(around.root, around.jobs_path, given["place"])


def test_a_project_uses_it_by_its_settings_alone(
    ws: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds.register(
        Kind(
            "toy",
            (Option("place", str, "Where jobs have their directories."),),
            _open,
            _open,
        )
    )
    ws.write("in", "x\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: wc -c < in > out; pwd > where\n    deps: [in]\n    outs: [out, where]\n",
    )
    (tmp_path / "place").mkdir()
    with (ws.path / ".mltrack/config.local.toml").open("a") as file:
        file.write(f'[runner.t]\ntype = "toy"\nplace = "{tmp_path}/place"\n')
    monkeypatch.chdir(ws.path)
    assert main.run(["repro", "--runner", "t"]) == 0
    assert ws.read("out") == "2\n" and ws.read("where").startswith(
        str(tmp_path / "place")
    )
    assert main.run(["runner", "check", "t"]) == 0
    assert "2 cpus" in capsys.readouterr().out
    assert main.run(["config", "--local", "runner.t.placee", "x"]) == 1
    assert "did you mean 'place'?" in capsys.readouterr().err
