"""``make bench``: times whole commands, interleaved with the floor they are held against, and prints ratios.

usage: python -m benchmarks [--files N] [--rounds N] [--markdown FILE]

Everything runs in a temporary directory. CPU time is that of the process and of all its children. Figures are medians;
machines are noisy, so read the ratios.
"""

import argparse
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MLTRACK = [str(Path(sys.executable).parent / "mltrack")]


class Case(NamedTuple):
    """Two commands that are timed in turn; ``reset`` prepares the ground before each."""

    name: str
    command: list[str]
    floor_name: str
    floor: list[str]
    reset: Callable[[], None]


def measure(command: list[str], cwd: Path) -> tuple[float, float]:
    """Returns CPU and wall time in seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - started


def make_project(top: Path, files: int) -> Path:
    """A project with one directory of small files (2-10 KiB, 100 to a directory), seeded, and three stages."""
    chance = random.Random(7)
    project = top / "project"
    project.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    subprocess.run([*MLTRACK, "-q", "init", "--no-hooks"], cwd=project, check=True)
    subprocess.run([*MLTRACK, "-q", "remote", "add", "store", "../store"], cwd=project, check=True)
    for number in range(files):
        path = project / f"data/{number // 100:04d}/{number % 100:02d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randint(2048, 10240)))
    stages = "".join(f"  s{n}:\n    cmd: echo {n} > o{n}\n    outs: [o{n}]\n" for n in range(3))
    (project / "mltrack.yaml").write_text("stages:\n" + stages)
    return project


def cases(project: Path) -> list[Case]:
    def nothing() -> None:
        pass

    def drop(*names: str) -> Callable[[], None]:
        def reset() -> None:
            for name in names:
                shutil.rmtree(project / name, ignore_errors=True)
            os.sync()

        return reset

    scan = "import os\nfor d, _, fs in os.walk('data'):\n  for f in fs: os.lstat(os.path.join(d, f))\n"
    copy = ["cp", "-r", "data", "../copy"]
    typer = [sys.executable, "-c", "import typer"]
    return [
        Case("mltrack --version", [*MLTRACK, "--version"], "import typer", typer, nothing),
        Case("add", [*MLTRACK, "add", "data"], "cp -r", copy, drop(".mltrack/cache", ".mltrack/index", "../copy")),
        Case("add again, unchanged", [*MLTRACK, "add", "data"], "walk + lstat", [sys.executable, "-c", scan], nothing),
        Case("status, nothing changed", [*MLTRACK, "status"], "walk + lstat", [sys.executable, "-c", scan], nothing),
        Case("push to a directory", [*MLTRACK, "push"], "cp -r", copy, drop("../store", ".mltrack/remotes", "../copy")),
        Case("push again", [*MLTRACK, "push"], "import typer", typer, nothing),
        Case("delete, checkout", [*MLTRACK, "checkout", "data"], "cp -r", copy, drop("data", "../copy")),
    ]  # fmt: skip


def small_status(top: Path) -> Case:
    """``status`` in a small project: one tracked file, three stages."""
    project = top / "small"
    project.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    subprocess.run([*MLTRACK, "-q", "init", "--no-hooks"], cwd=project, check=True)
    (project / "data.txt").write_text("x")
    stages = "".join(f"  s{n}:\n    cmd: echo {n} > o{n}\n    deps: [data.txt]\n    outs: [o{n}]\n" for n in range(3))
    (project / "mltrack.yaml").write_text("stages:\n" + stages)
    for command in (["add", "data.txt"], ["repro"], ["status"]):
        subprocess.run([*MLTRACK, "-q", *command], cwd=project, check=True, stdout=subprocess.DEVNULL)
    return Case(
        "status, small project",
        [*MLTRACK, "status"],
        "import typer",
        [sys.executable, "-c", "import typer"],
        lambda: None,
    )


def run(case: Case, cwd: Path, rounds: int) -> list[str]:
    """Returns a row: medians and the median of the ratios of pairs."""
    pairs = []
    for _ in range(rounds):
        case.reset()
        ours = measure(case.command, cwd)
        pairs.append((ours, measure(case.floor, cwd)))
    cpu = statistics.median(ours[0] / max(floor[0], 1e-4) for ours, floor in pairs)
    wall = statistics.median(ours[1] / max(floor[1], 1e-4) for ours, floor in pairs)
    mine = (
        statistics.median(ours[0] for ours, _ in pairs) * 1000,
        statistics.median(ours[1] for ours, _ in pairs) * 1000,
    )
    return [case.name, f"{mine[0]:.0f}", f"{mine[1]:.0f}", case.floor_name, f"{cpu:.2f}", f"{wall:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    lines = ["| case | CPU ms | wall ms | floor | CPU ratio | wall ratio |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="mltrack-bench-") as name:
        top = Path(name)
        lines.append("| " + " | ".join(run(small_status(top), top / "small", max(given.rounds, 15))) + " |")
        project = make_project(top, given.files)
        for case in cases(project):
            lines.append("| " + " | ".join(run(case, project, given.rounds)) + " |")
            print(lines[-1], flush=True)
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    head = f"{given.files:,} files of 2-10 KiB; {machine}; medians of {given.rounds} pairs."
    text = head + "\n\n" + "\n".join(lines) + "\n"
    print("\n" + text)
    if given.markdown:
        given.markdown.write_text(text)


if __name__ == "__main__":
    main()
