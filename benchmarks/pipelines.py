"""``make bench-pipelines``: the same pipelines by mltrack, DVC, make, doit and
snakemake, as far as they are installed.

usage: python -m benchmarks.pipelines [--rounds N] [--without NAME] [--only JOB]
[--scratch DIR] [--out DIR]

Stages are one shell line each, in a chain or as a fan from one file. Beside them stands
the cost of ``subprocess.run(["sh", "-c", "true"])``, which any tool that starts a shell
per stage pays. Contestants take turns. What would take hours is left out: DVC's first
run stops at 100 stages, its run with nothing to do at 300.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.__main__ import machine
from benchmarks.measure import Measured, median, run

HERE = Path(sys.executable).parent
FAN, CHAIN = "fan", "chain"


class Line(NamedTuple):
    """One stage: reads ``dep``, writes ``out``."""

    name: str
    dep: str
    out: str
    command: str


def lines(count: int, shape: str) -> list[Line]:
    found = []
    for n in range(count):
        dep = f"o{n - 1}" if shape == CHAIN and n else "in"
        found.append(Line(f"s{n}", dep, f"o{n}", f"cat {dep} > o{n}; echo {n} >> o{n}"))
    return found


class Tool:
    """One contestant: how it is told of the stages, and the command that brings them up
    to date.
    """

    name = ""
    most_first = 1000
    most_again = 1000
    """How many stages it is given in a first run, and with nothing to do."""

    @classmethod
    def find(cls) -> str | None:
        return os.environ.get(f"BENCH_{cls.name.upper()}") or shutil.which(
            cls.name, path=f"{HERE}:{os.environ['PATH']}"
        )

    def __init__(self, top: Path) -> None:
        self.project = top / self.name
        self.project.mkdir(parents=True)
        self.environment = {
            **os.environ,
            "HOME": str(top),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(top / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(top / "global"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "XDG_CACHE_HOME": str(top / "xdg"),
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@localhost",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@localhost",
        }
        self.program = self.find() or ""
        self.prepare()

    def prepare(self) -> None:
        pass

    def write(self, stages: list[Line]) -> None:
        raise NotImplementedError

    def command(self, jobs: int = 1) -> list[str]:
        raise NotImplementedError

    def do(self, *command: str) -> None:
        subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            check=True,
            capture_output=True,
        )


class Mltrack(Tool):
    name = "mltrack"
    most_again = 10_000

    def prepare(self) -> None:
        self.do("git", "init", "--quiet", ".")
        self.do(self.program, "init", "--no-hooks")

    def write(self, stages: list[Line]) -> None:
        text = "".join(
            f"  {s.name}:\n    cmd: {s.command}\n    deps: [{s.dep}]\n    outs: "
            f"[{s.out}]\n"
            for s in stages
        )
        (self.project / "mltrack.yaml").write_text("stages:\n" + text)

    def command(self, jobs: int = 1) -> list[str]:
        return [self.program, "-q", "repro", "-j", str(jobs)]


class Dvc(Mltrack):
    name = "dvc"
    most_first = 100
    most_again = 300

    def prepare(self) -> None:
        self.do("git", "init", "--quiet", ".")
        self.do(self.program, "init", "--quiet")

    def write(self, stages: list[Line]) -> None:
        super().write(stages)
        (self.project / "mltrack.yaml").rename(self.project / "dvc.yaml")

    def command(self, jobs: int = 1) -> list[str]:
        return [self.program, "repro", "--quiet"]


class Make(Tool):
    name = "make"
    most_again = 10_000

    def write(self, stages: list[Line]) -> None:
        rules = "".join(f"{s.out}: {s.dep}\n\t{s.command}\n" for s in stages)
        (self.project / "Makefile").write_text(
            f"all: {' '.join(s.out for s in stages)}\n{rules}"
        )

    def command(self, jobs: int = 1) -> list[str]:
        return [self.program, "--silent", "-j", str(jobs)]


class Doit(Tool):
    name = "doit"

    def write(self, stages: list[Line]) -> None:
        tasks = [
            {
                "name": s.name,
                "actions": [s.command],
                "file_dep": [s.dep],
                "targets": [s.out],
            }
            for s in stages
        ]
        text = f"def task_all():\n    yield from {tasks!r}\n"
        (self.project / "dodo.py").write_text(text)

    def command(self, jobs: int = 1) -> list[str]:
        return [self.program, "-v", "0", *(["-n", str(jobs)] if jobs > 1 else [])]


class Snakemake(Tool):
    name = "snakemake"
    most_first = 100
    most_again = 300

    def write(self, stages: list[Line]) -> None:
        rules = "".join(
            f'rule {s.name}:\n    input: "{s.dep}"\n    output: "{s.out}"\n    shell: "{s.command}"\n'
            for s in stages
        )
        every = ", ".join(f'"{s.out}"' for s in stages)
        (self.project / "Snakefile").write_text(
            f"rule all:\n    input: {every}\n{rules}"
        )

    def command(self, jobs: int = 1) -> list[str]:
        return [self.program, "--cores", str(jobs), "--quiet", "all"]


TOOLS: tuple[type[Tool], ...] = (Mltrack, Make, Doit, Snakemake, Dvc)
Figures = dict[tuple[str, str], list[Measured]]


class Bench:
    """The figures, by job and contestant."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.tools = [
            kind
            for kind in TOOLS
            if kind.find() and kind.name not in (given.without or [])
        ]
        self.figures: Figures = {}
        self.facts: list[str] = []

    def add(self, job: str, who: str, figure: Measured) -> None:
        self.figures.setdefault((job, who), []).append(figure)
        print(f"{job}: {who}: {figure.cpu:.2f} / {figure.wall:.2f}", flush=True)

    def first_and_again(self, count: int, shape: str, top: Path) -> None:
        for kind in self.tools:
            if count > kind.most_first and count > kind.most_again:
                continue
            if kind.most_first < count and self.figures.get(
                (f"nothing to do, {count} stages, {shape}", kind.name)
            ):
                continue  # its first run takes minutes: once is enough
            tool = kind(top)
            (tool.project / "in").write_text("x\n")
            tool.write(lines(count, shape))
            first = run(tool.command(), tool.project, tool.environment)
            if count <= kind.most_first:
                self.add(f"first run, {count} stages, {shape}", kind.name, first)
            if count <= kind.most_again:
                time.sleep(0.1)
                run(tool.command(), tool.project, tool.environment)
                again = run(tool.command(), tool.project, tool.environment)
                self.add(f"nothing to do, {count} stages, {shape}", kind.name, again)
            if shape == CHAIN and count == 100:
                changed = lines(count, shape)
                changed[-1] = changed[-1]._replace(
                    command=changed[-1].command + "; echo more >> o99"
                )
                tool.write(changed)
                self.add(
                    "one changed leaf of a chain of 100",
                    kind.name,
                    run(tool.command(), tool.project, tool.environment),
                )
            shutil.rmtree(tool.project)

    def stages(self, top: Path) -> None:
        for count in (100, 1000):
            for shape in (FAN, CHAIN):
                self.first_and_again(count, shape, top)

    def side_by_side(self, top: Path) -> None:
        for kind in self.tools:
            tool = kind(top)
            (tool.project / "in").write_text("x\n")
            tool.write(
                [
                    Line(f"s{n}", "in", f"o{n}", f"sleep 1; echo {n} > o{n}")
                    for n in range(8)
                ]
            )
            self.add(
                "8 stages of 1 s, 8 at once",
                kind.name,
                run(tool.command(8), tool.project, tool.environment),
            )
            shutil.rmtree(tool.project)

    def tracing(self, top: Path) -> None:
        tool = Mltrack(top)
        (tool.project / "files").mkdir()
        for n in range(20_000):
            (tool.project / "files" / str(n)).write_text(f"{n}\n" * 20)
        (tool.project / "read.py").write_text(
            "total = 0\nfor n in range(20_000):\n    with open(f'files/{n}') as "
            "file:\n        total += len(file.read())\n"
            "open('o', 'w').write(str(total))\n"
        )
        (tool.project / "mltrack.yaml").write_text(
            f"stages:\n  s:\n    cmd: {sys.executable} read.py\n    deps: [read.py, "
            "files]\n    outs: [o]\n"
        )
        run(tool.command(), tool.project, tool.environment)
        for _ in range(5):
            for name, settings in (
                ("not traced", {"MLTRACK_REPRO_CHECK": "none"}),
                ("Python's hook", {"MLTRACK_REPRO_TRACE": "python"}),
                ("strace", {"MLTRACK_REPRO_TRACE": "strace"}),
            ):
                command = [*tool.command(), "--force"]
                self.add(
                    "a stage that opens 20,000 files",
                    name,
                    run(command, tool.project, {**tool.environment, **settings}),
                )
        shutil.rmtree(tool.project)

    def restoring(self, top: Path) -> None:
        kinds = [kind for kind in (Mltrack, Dvc) if kind in self.tools]
        for kind in kinds:
            tool = kind(top)
            (tool.project / "in").write_text("x\n")
            tool.write(lines(100, FAN))
            run(tool.command(), tool.project, tool.environment)
            is_own = kind is Mltrack
            locks = ["mltrack.lock"] if is_own else ["dvc.lock"]
            tool.do(
                tool.program,
                "remote",
                "add",
                *([] if is_own else ["-d"]),
                "store",
                str(top / "store"),
            )
            tool.do(*([tool.program, "push", "--run-cache"]))
            for name in locks:
                (tool.project / name).unlink()
            tool.do("git", "add", "--all")
            tool.do("git", "commit", "--quiet", "-m", "x")
            clone = top / "clone"
            tool.do("git", "clone", "--quiet", ".", str(clone))
            if is_own:
                subprocess.run(
                    [tool.program, "init", "--no-hooks"],
                    cwd=clone,
                    env=tool.environment,
                    check=True,
                    capture_output=True,
                )
                commands = [[tool.program, "-q", "repro", "--pull"]]
            else:
                commands = [
                    [tool.program, "pull", "--run-cache", "--quiet", "--allow-missing"],
                    tool.command(),
                ]
            steps = [run(command, clone, tool.environment) for command in commands]
            self.add(
                "a fresh clone restores 100 stages from the remote",
                kind.name,
                Measured(
                    sum(s.cpu for s in steps),
                    sum(s.wall for s in steps),
                    max(s.peak for s in steps),
                ),
            )
            for path in (tool.project, clone, top / "store"):
                shutil.rmtree(path)

    def floors(self, top: Path) -> None:
        """What a shell costs, and `mltrack status` in a small project."""
        times = []
        for _ in range(200):
            started = time.perf_counter()
            subprocess.run(["sh", "-c", "true"], check=True)
            times.append(time.perf_counter() - started)
        self.facts.append(
            f'subprocess.run(["sh", "-c", "true"]): {statistics.median(times) * 1000:.2f} ms'
        )
        tool = Mltrack(top)
        (tool.project / "in").write_text("x\n")
        tool.write(lines(3, FAN))
        run(tool.command(), tool.project, tool.environment)
        for _ in range(5):
            self.add(
                "status of a small project",
                "mltrack",
                run([tool.program, "status"], tool.project, tool.environment),
            )
        shutil.rmtree(tool.project)

    def table(self) -> str:
        rows = [
            "| job | who | CPU | wall | peak | mltrack is so many times faster, CPU / "
            "wall |",
            "|---|---|---|---|---|---|",
        ]
        for (job, who), items in self.figures.items():
            figure, ratio = median(items), ""
            own = self.figures.get((job, "mltrack"))
            if own and who != "mltrack":
                mine = median(own)
                ratio = f"{figure.cpu / mine.cpu:.1f} / {figure.wall / mine.wall:.1f}"
            rows.append(
                f"| {job} | {who} | {figure.cpu:.2f} | {figure.wall:.2f} | "
                f"{figure.peak:.0f} | {ratio} |"
            )
        return "\n".join([machine(), "", *rows, "", *self.facts]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", action="append")
    parser.add_argument(
        "--only",
        action="append",
        choices=("floors", "stages", "side", "tracing", "restoring", "many"),
    )
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    parser.add_argument("--out", default="build/bench")
    given = parser.parse_args()
    bench = Bench(given)
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    jobs: dict[str, Callable[[Path], None]] = {
        "floors": bench.floors,
        "stages": bench.stages,
        "side": bench.side_by_side,
        "tracing": bench.tracing,
        "restoring": bench.restoring,
    }
    for number in range(given.rounds):
        for name, job in jobs.items():
            if given.only and name not in given.only:
                continue
            with tempfile.TemporaryDirectory(prefix="bench-", dir=given.scratch) as top:
                job(Path(top))
        if not number and (not given.only or "many" in given.only):
            with tempfile.TemporaryDirectory(prefix="bench-", dir=given.scratch) as top:
                for count in (300, 10_000):
                    bench.first_and_again(count, FAN, Path(top))
        (out / "pipelines.md").write_text(bench.table())
    print(bench.table())


if __name__ == "__main__":
    main()
