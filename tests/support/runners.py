"""Runners for tests: each made anew as another process, or another clone, would make
it.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mltrack.objects import tree
from mltrack.objects.content import EXEC, FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.runners.connection import Address
from mltrack.runners.hosts import HostRunner
from mltrack.runners.job import Item, Job, Poll, Seen, State, Ticket
from mltrack.runners.local import LocalRunner
from mltrack.runners.runner import Runner
from mltrack.runners.task import HostSettings
from mltrack.store.local.cache import Cache

PATIENCE_SECONDS = 60.0
SLOTS = 2


@dataclass
class Bench:
    """A kind of runner, and the directories that it works in."""

    path: Path
    kind: str
    addresses: list[Address] = field(default_factory=list)
    patience: float = 30.0
    locks: str = ""
    opened: list[Runner] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.path / "project"

    def open(self, clone: str = "project") -> Runner:
        """Returns a runner as another process would make it, for this clone or another
        one.
        """
        root = self.path / clone
        root.mkdir(exist_ok=True)
        jobs = str(root / "jobs")
        locks = self.locks or str(self.path / "locks")
        runner: Runner
        if self.kind == "local":
            runner = LocalRunner(
                str(root), jobs, {"gpus": float(SLOTS), "cpus": 2.0}, locks
            )
        else:
            settings = HostSettings(
                self.kind, {"gpus": float(SLOTS)}, locks, 1 << 40, "", self.patience
            )
            runner = HostRunner(
                settings,
                self.addresses,
                str(root),
                jobs,
                Cache(str(root / "cache"), XXH3),
            )
        self.opened.append(runner)
        return runner

    def close(self) -> None:
        for runner in self.opened:
            runner.close()

    def host_place(self) -> Path:
        return Path(self.addresses[0].place)


def here(path: Path, **settings: object) -> Bench:
    """A runner of jobs that survive, on this machine and without ssh."""
    return Bench(
        path, "here", [Address("", sys.executable, str(path / "host"))], **settings
    )  # type: ignore[arg-type]


def over_ssh(
    path: Path, config: Path, host: str = "worker", **settings: object
) -> Bench:
    return Bench(
        path,
        "ssh",
        [Address(host, "python3", str(path / "host"), str(config))],
        **settings,
    )  # type: ignore[arg-type]


class Given:
    """Inputs of a job, by path and bytes. See :class:`mltrack.runners.job.Origin`."""

    def __init__(
        self, files: dict[str, bytes], trees: dict[str, dict[str, bytes]] | None = None
    ) -> None:
        self.inputs = {
            path: Content(FILE, XXH3.hex_of(data), len(data))
            for path, data in files.items()
        }
        self.objects: dict[str, bytes | str] = {
            XXH3.hex_of(data): data for data in files.values()
        }
        self.asked = 0
        for path, inner in (trees or {}).items():
            rows = []
            for name, data in inner.items():
                self.objects[XXH3.hex_of(data)] = data
                rows.append(
                    (
                        name.encode(),
                        "x" if name.endswith(".sh") else "f",
                        XXH3.hex_of(data),
                        len(data),
                    )
                )
            encoded = tree.encode(rows)
            self.objects[XXH3.hex_of(encoded)] = encoded
            self.inputs[path] = Content(
                TREE, XXH3.hex_of(encoded), sum(row[3] for row in rows), len(rows)
            )

    def find(self, hex_digest: str) -> bytes | str | None:
        self.asked += 1
        return self.objects.get(hex_digest)

    def trees_below(self, hex_digest: str) -> list[str]:
        return []


def job(
    *commands: str,
    key: str = "ab" * 16,
    outputs: tuple[str, ...] = (),
    **settings: object,
) -> Job:
    items = (Item("", commands, outputs),)
    usual = {"shell": "/bin/sh", "directory": "", "items": items}
    return Job(key=key, label="s", **{**usual, **settings})  # type: ignore[arg-type]


def now(runner: Runner, ticket: Ticket, seen: Seen | None = None) -> Poll:
    """Returns where a job stands, with all that is new since ``seen``."""
    return runner.poll({ticket: seen or Seen()})[ticket]


def wait(
    runner: Runner, ticket: Ticket, until: Callable[[Poll], bool] = lambda poll: False
) -> tuple[Poll, bytes]:
    """Follows a job to its end, or until something is so."""
    log, deadline = b"", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        state = runner.poll({ticket: Seen(len(log))})[ticket]
        log += state.log
        if (state.state.is_over and not state.log) or until(state):
            return state, log
        runner.wait(0.1)
    raise AssertionError(f"the job did not end: {now(runner, ticket)}")


def wait_for_text(runner: Runner, ticket: Ticket, text: bytes) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while text not in now(runner, ticket).log:
        assert time.monotonic() < deadline, now(runner, ticket)
        runner.wait(0.05)


def supervisors(place: Path) -> list[int]:
    """The processes that hold an attempt below a host's directory alive."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                links = [
                    os.readlink(f"/proc/{name}/fd/{fd}")
                    for fd in os.listdir(f"/proc/{name}/fd")
                ]
            except OSError:
                continue
            if any(
                link.startswith(str(place / "jobs")) and link.endswith("/alive")
                for link in links
            ):
                found.append(int(name))
    return found


__all__ = [
    "EXEC",
    "SLOTS",
    "Bench",
    "Given",
    "State",
    "here",
    "job",
    "now",
    "over_ssh",
    "supervisors",
    "wait",
    "wait_for_text",
]
