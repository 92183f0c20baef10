"""Random pipelines run by the real engine, with commands that a stub computes instead
of a shell.
"""

import os
import random
import subprocess
from pathlib import Path

from mltrack import project as projects
from mltrack.engine.events import StageFinished, StageRestored, StageSkipped
from mltrack.formats import yaml
from mltrack.objects.digest import XXH3
from mltrack.pipeline.plan import Plan
from mltrack.runners.job import Job, Poll, Seen, State, Ticket
from mltrack.verbs import init
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session
from tests.support.local_only import LocalOnly


class StubRunner(LocalOnly):
    """Not a shell: each output becomes the digest of the command, of what the command
    names, and of its own name.
    """

    name = "stub"

    def __init__(self, root: Path) -> None:
        self.root = root

    def submit(self, job: Job, origin: object = None) -> Ticket:
        command = job.items[0].commands[0]
        words = command.split()
        seen = [
            command,
            *(
                (self.root / word[1:]).read_text()
                for word in words
                if word.startswith("@")
            ),
        ]
        for path in job.items[0].outputs:
            # a stage marked 'coarse' forgets most of what it saw, so that early cutoff
            # happens
            value = XXH3.hex_of("\n".join([*seen, path]).encode())
            (self.root / path).write_text(value[:1] if "coarse" in words else value)
        log = self.root / ".mltrack" / "tmp" / "stub.log"
        log.write_text("")
        return Ticket("stub", job.key, "1", str(log))

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        return Poll(State.DONE, 0)


class Pipeline:
    """A random pipeline in a real project, which can be changed at random."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        path.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", str(path)], check=True)
        init.init(str(path), where=init.Hooks.NOWHERE)
        self.sources = [f"in{number}" for number in range(self.random.randint(1, 3))]
        for name in self.sources:
            self.edit(name)
        self.stages: dict[str, dict[str, object]] = {}
        self.params = {f"p{number}": 0 for number in range(3)}
        for number in range(self.random.randint(1, 7)):
            self.add_stage(number)
        self.write()

    def add_stage(self, number: int) -> None:
        available = self.sources + [
            f"{name}.{n}"
            for name, stage in self.stages.items()
            for n in range(len(stage["outs"]))
        ]  # type: ignore[arg-type]
        deps = self.random.sample(
            available, self.random.randint(1, min(3, len(available)))
        )
        name = f"s{number}"
        outs = [f"{name}.{n}" for n in range(self.random.randint(1, 2))]
        kind = "coarse" if self.random.random() < 0.3 else "fine"
        self.stages[name] = {
            "cmd": " ".join([kind, *("@" + dep for dep in deps)]),
            "deps": deps,
            "outs": [
                {out: {"cache": False}} if self.random.random() < 0.15 else out
                for out in outs
            ],
            "params": self.random.sample(
                sorted(self.params), self.random.randint(0, 2)
            ),
        }
        if self.random.random() < 0.5:
            self.stages[name]["cmd"] = str(self.stages[name]["cmd"]) + " ${p0}"

    def write(self) -> None:
        (self.path / "mltrack.yaml").write_text(yaml.dump({"stages": self.stages}))
        (self.path / "params.yaml").write_text(yaml.dump(self.params))

    def edit(self, name: str) -> None:
        (self.path / name).write_text(str(self.random.randint(0, 3)))

    def change(self) -> None:
        """Makes one random change: an input, a param, a command, an output lost or
        scribbled on.
        """
        kind = self.random.randint(0, 4)
        outs = [path for path in self.outputs() if (self.path / path).exists()]
        if kind == 0:
            self.edit(self.random.choice(self.sources))
        elif kind == 1:
            self.params[self.random.choice(sorted(self.params))] = self.random.randint(
                0, 2
            )
        elif kind == 2:
            stage = self.stages[self.random.choice(sorted(self.stages))]
            stage["cmd"] = str(stage["cmd"]) + " more"
        elif outs and kind == 3:
            (self.path / self.random.choice(outs)).unlink()
        elif outs:
            (self.path / self.random.choice(outs)).write_text("scribble")
        self.write()

    def outputs(self) -> list[str]:
        return [
            next(iter(out)) if isinstance(out, dict) else out
            for stage in self.stages.values()
            for out in stage["outs"]
        ]  # type: ignore[union-attr,attr-defined]

    def repro(self, options: ReproOptions | None = None) -> tuple[Plan, dict[str, str]]:
        """Runs repro; returns its plan, and what became of each stage: ran, restored or
        skipped.
        """
        project = projects.find(str(self.path))
        work = Repro(Session(project), options or ReproOptions(), StubRunner(self.path))
        plan = work.plan()
        became: dict[str, str] = {}
        for event in work.run(plan):
            match event:
                case StageFinished(stage, _, ()):
                    became[stage] = "ran"
                case StageRestored(stage):
                    became[stage] = "restored"
                case StageSkipped(stage):
                    became[stage] = "skipped"
        return plan, became

    def plan(self) -> Plan:
        return Repro(Session(projects.find(str(self.path))), ReproOptions()).plan()

    def state(self) -> dict[str, str]:
        return {path: (self.path / path).read_text() for path in self.outputs()}

    def clean_build(self, path: Path) -> dict[str, str]:
        """Returns the outputs of the same pipeline run from nothing, in another place."""
        other = object.__new__(Pipeline)
        other.__dict__.update({**self.__dict__, "path": path})
        path.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", str(path)], check=True)
        init.init(str(path), where=init.Hooks.NOWHERE)
        for name in self.sources:
            (path / name).write_text((self.path / name).read_text())
        other.write()
        other.repro()
        return other.state()


def remove_run_cache(pipeline: Pipeline) -> None:
    for directory, _, files in os.walk(pipeline.path / ".mltrack/cache/runs"):
        for name in files:
            os.unlink(os.path.join(directory, name))
