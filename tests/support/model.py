"""A random pipeline, and a model of it in a few lines: what each stage must write, and
whether it had to run.
"""

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from mltrack import project as projects
from mltrack.engine.events import (
    StageFailed,
    StageFinished,
    StageRestored,
    StageSkipped,
)
from mltrack.formats import yaml
from mltrack.objects.digest import XXH3
from mltrack.runners.job import Job, Poll, Seen, State, Ticket
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session
from tests.support.local_only import LocalOnly


def computed(command: str, inputs: dict[str, str], out: str) -> str:
    """What a command writes to ``out``: a digest of all it sees; coarse ones forget
    most of it.
    """
    value = XXH3.hex_of(repr((command, sorted(inputs.items()), out)).encode())
    return value[:1] if command.startswith("coarse") else value


class OrderlessRunner(LocalOnly):
    """Computes outputs as :func:`computed` says; jobs end in any order. It checks that
    at most ``jobs`` run at once.
    """

    name = "stub"

    def __init__(self, root: Path, chance: random.Random, jobs: int) -> None:
        self.root, self.chance, self.jobs = root, chance, jobs
        self.under_way: dict[str, Job] = {}
        self.done: dict[str, Poll] = {}
        self.log = root / ".mltrack/tmp/stub.log"
        self.log.write_text("")

    def submit(self, job: Job, origin: object = None) -> Ticket:
        self.under_way[job.label] = job
        assert len(self.under_way) <= self.jobs, "more at once than was allowed"
        return Ticket("stub", job.label, "1", str(self.log))

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        return self.done.get(ticket.key, Poll(State.RUNNING))

    def wait(self, seconds: float) -> None:
        label = self.chance.choice(sorted(self.under_way))
        job = self.under_way.pop(label)
        command = job.items[0].commands[0]
        if "fail" in command.split():
            self.done[label] = Poll(State.FAILED, 1, command=command)
            return
        inputs = {
            path: (self.root / path).read_text()
            for path in job.inputs
            if path != "params.yaml"
        }
        for out in job.items[0].outputs:
            (self.root / out).write_text(computed(command, inputs, out))
        self.done[label] = Poll(State.DONE, 0)

    def cancel(self, tickets: list[Ticket]) -> None:
        raise AssertionError("nothing was to be cancelled")

    def forget(self, ticket: Ticket) -> None:
        self.done.pop(ticket.key, None)

    def close(self) -> None:
        assert not self.under_way


@dataclass
class Declared:
    """One declared stage; ``items`` are the keys of a foreach, [''] without one."""

    kind: str
    deps: list[str]
    params: list[str]
    items: list[str]
    frozen: bool = False
    always: bool = False
    fails: bool = False
    extra: str = ""

    def command(self, item: str, values: dict[str, int]) -> str:
        words = [
            self.kind,
            *(["fail"] if self.fails else []),
            *(f"{name}={values[name]}" for name in self.params),
            item,
        ]
        return " ".join(filter(None, [*words, self.extra]))


@dataclass
class Model:
    """A project below ``path`` that is filled with one random pipeline after another."""

    path: Path
    chance: random.Random
    sources: dict[str, str] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    stages: dict[str, Declared] = field(default_factory=dict)
    recorded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def fresh(self) -> None:
        """Empties the project and makes another pipeline."""
        for entry in self.path.iterdir():
            if entry.name not in (".git", ".mltrack"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in ("cache", "index", "journal", "last", "tmp", "jobs", "trash"):
            shutil.rmtree(self.path / ".mltrack" / name, ignore_errors=True)
        (self.path / ".mltrack/tmp").mkdir()
        self.recorded, self.seen, self.stages = {}, set(), {}
        self.sources = {
            f"in{n}": str(self.chance.randint(0, 2))
            for n in range(self.chance.randint(1, 3))
        }
        self.values = {f"p{n}": 0 for n in range(2)}
        for number in range(self.chance.randint(1, 6)):
            self._declare(f"s{number}")
        self.write()

    def _declare(self, name: str) -> None:
        available = [
            *self.sources,
            *(out for other in self.stages for out in self.outs(other)),
        ]
        self.stages[name] = Declared(
            kind=self.chance.choice(["fine", "fine", "coarse"]),
            deps=self.chance.sample(
                available, self.chance.randint(1, min(3, len(available)))
            ),
            params=self.chance.sample(sorted(self.values), self.chance.randint(0, 2)),
            items=["a", "b", "c"][: self.chance.randint(1, 3)]
            if self.chance.random() < 0.3
            else [""],
            always=self.chance.random() < 0.05,
        )

    def outs(self, name: str) -> list[str]:
        return [f"{name}{item}.out" for item in self.stages[name].items]

    def addresses(self) -> dict[str, tuple[str, str]]:
        """Each expanded stage, with the name it is declared under and its item."""
        return {
            (f"{name}@{item}" if item else name): (name, item)
            for name, stage in self.stages.items()
            for item in stage.items
        }

    def write(self) -> None:
        blocks: dict[str, object] = {}
        for name, stage in self.stages.items():
            words = stage.command(
                "${item}" if stage.items != [""] else "",
                {k: f"${{{k}}}" for k in self.values},
            )  # type: ignore[misc]
            block: dict[str, object] = {
                "cmd": words,
                "deps": stage.deps,
                "params": stage.params,
            }
            block["outs"] = [
                "${name}.out".replace(
                    "${name}", name + ("${item}" if stage.items != [""] else "")
                )
            ]
            block.update({"frozen": True} if stage.frozen else {})
            block.update({"always_changed": True} if stage.always else {})
            blocks[name] = (
                {"foreach": stage.items, "do": block} if stage.items != [""] else block
            )
        (self.path / "mltrack.yaml").write_text(yaml.dump({"stages": blocks}))
        (self.path / "params.yaml").write_text(yaml.dump(self.values))
        for name, text in self.sources.items():
            (self.path / name).write_text(text)

    def change(self) -> None:
        """Changes one thing: a source, a param, a command, whether a stage fails or is
        frozen, an output.
        """
        stage = self.stages[self.chance.choice(sorted(self.stages))]
        kind = self.chance.randint(0, 6)
        if kind == 0:
            self.sources[self.chance.choice(sorted(self.sources))] = str(
                self.chance.randint(0, 2)
            )
        elif kind == 1:
            self.values[self.chance.choice(sorted(self.values))] = self.chance.randint(
                0, 2
            )
        elif kind == 2:
            stage.extra = self.chance.choice(["", "more", "less"])
        elif kind == 3:
            stage.fails = not stage.fails
        elif kind == 4:
            stage.frozen = not stage.frozen
        else:
            outs = [
                out
                for name in self.stages
                for out in self.outs(name)
                if (self.path / out).exists()
            ]
            if outs:
                place = self.path / self.chance.choice(outs)
                os.unlink(place) if kind == 5 else place.write_text("scribble")
        self.write()

    def expect(self) -> tuple[dict[str, str], dict[str, str]]:
        """Returns what must become of each stage, and what must stand at the outputs of
        those that are good.

        A stage has to run only if its inputs, in this very combination, never gave a
        result before.
        """
        became: dict[str, str] = {}
        files = dict(self.sources)
        for address, (name, item) in self.addresses().items():
            stage, out = self.stages[name], f"{name}{item}.out"
            if any(dep not in files for dep in stage.deps) and not stage.frozen:
                became[address] = "not reached"
                continue
            command = stage.command(item, self.values)
            if stage.frozen:
                became[address] = "kept"
                place = self.path / out
                key = self.recorded.get(address)
                if place.exists():
                    files[out] = place.read_text()
                elif key is not None:
                    files[out] = key[-1]
                continue
            inputs = {dep: files[dep] for dep in stage.deps}
            params = repr(sorted((name, self.values[name]) for name in stage.params))
            key = (address, command, repr(sorted(inputs.items())), params)
            result = computed(command, inputs, out)
            if stage.fails and key not in self.seen:
                became[address] = "failed"
                continue
            if stage.fails and stage.always:
                became[address] = "failed"
                continue
            files[out] = result
            had_to_run = stage.always or key not in self.seen
            self.seen.add(key)
            self.recorded[address] = (*key, result)
            became[address] = "ran" if had_to_run else "kept"
        return became, files

    def repro(self, jobs: int) -> dict[str, str]:
        """Runs repro with --keep-going; returns what became of each stage."""
        project = projects.find(str(self.path))
        runner = OrderlessRunner(self.path, self.chance, jobs)
        work = Repro(Session(project), ReproOptions(jobs=jobs, keep_going=True), runner)
        became: dict[str, str] = {}
        for event in work.run(work.plan()):
            match event:
                case StageFinished(stage, _, ()):
                    became[stage] = "ran"
                case StageFailed(stage):
                    became[stage] = "failed"
                case StageRestored(stage) | StageSkipped(stage):
                    became[stage] = "kept"
        became.update(dict.fromkeys(work.outcome.not_reached, "not reached"))
        return became
