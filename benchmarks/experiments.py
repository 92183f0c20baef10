"""``make bench-experiments``: many experiments by mltrack and by DVC.

usage: python -m benchmarks.experiments [--count N] [--shown N] [--scratch DIR]
[--ssh-config FILE --host NAME]

One stage of one shell line, over N values of a param, two at a time; the digits example
over the depth of its forest; a table of many experiments. DVC, where it is installed
(``BENCH_DVC`` names the program), queues its experiments and runs them all; its table
is of a tenth as many. Beside them stands what the shells themselves cost.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.__main__ import machine
from benchmarks.measure import Measured, run

HERE = Path(sys.executable).parent
DIGITS = Path(__file__).parent.parent / "examples" / "digits"
_LINE = "cat params.yaml > out"
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): orphans below this process become its children."""


class Bench:
    """One scratch directory with a project for each contestant."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.dvc = os.environ.get("BENCH_DVC") or shutil.which("dvc")
        self.environment = {
            **os.environ,
            # DVC's workers call it by its name
            "PATH": os.pathsep.join(
                [str(HERE), os.environ["PATH"], str(Path(self.dvc or "").parent)]
            ),
            "HOME": str(top / "home"),
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@localhost",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@localhost",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(top / "dvc-site"),
            "MLTRACK_HOOKS": "0",
        }
        (top / "home").mkdir()
        self.rows: list[tuple[str, ...]] = []

    def project(self, name: str) -> Path:
        path = self.top / name / "project"
        path.mkdir(parents=True)
        self.do(path, "git", "init", "--quiet")
        return path

    def do(self, path: Path, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def time(self, path: Path, *command: str) -> Measured:
        return run([*command], path, self.environment)

    def time_with_workers(self, path: Path, *command: str) -> Measured:
        """Like :meth:`time`, with the CPU of processes that it leaves behind: they
        become ours, and are waited for.
        """
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = self.time(path, *command)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return found._replace(cpu=cpu)

    def note(self, job: str, who: str, found: Measured, more: str = "") -> None:
        self.rows.append((job, who, f"{found.cpu:.2f}", f"{found.wall:.2f}", more))
        print("  ".join(self.rows[-1]), flush=True)


def one_line(bench: Bench, count: int) -> None:
    """One stage of one shell line, over ``count`` values."""
    job = f"{count} experiments of one shell line, two at a time"
    floor = bench.project("floor")
    (floor / "params.yaml").write_text("n: 0\n")
    shells = f"for i in $(seq {count}); do sh -c '{_LINE}'; done"
    cost = bench.time(floor, "sh", "-c", shells)
    bench.note(job, "the shells alone", cost)
    ours = bench.project("one")
    (ours / "params.yaml").write_text("n: -1\n")
    bench.do(ours, "mltrack", "init")
    (ours / "mltrack.yaml").write_text(
        f"stages:\n  s:\n    cmd: {_LINE}\n    params: [n]\n    outs: [out]\n"
    )
    bench.do(ours, "git", "add", "-A")
    bench.do(ours, "git", "commit", "--quiet", "-m", "one")
    found = bench.time(
        ours, "mltrack", "-q", "exp", "run", "-S", f"n=range({count})", "-j", "2"
    )
    each = (found.cpu - cost.cpu) / count * 1000
    bench.note(job, "mltrack", found, f"{each:.1f} ms CPU each beyond the shell")
    if bench.dvc:
        theirs = _dvc_project(bench, "one-dvc")
        queue = [bench.dvc, "exp", "run", "--queue", "-S", f"n=range(0,{count})"]
        queued = bench.time(theirs, *queue)
        ran = bench.time_with_workers(
            theirs, bench.dvc, "exp", "run", "--run-all", "-j", "2"
        )
        both = Measured(queued.cpu + ran.cpu, queued.wall + ran.wall, ran.peak)
        bench.note(
            job,
            "dvc",
            both,
            f"{both.cpu / found.cpu:.1f} x CPU, {both.wall / found.wall:.1f} x wall",
        )


def _dvc_project(bench: Bench, name: str) -> Path:
    assert bench.dvc is not None
    path = bench.project(name)
    bench.do(path, bench.dvc, "init", "--quiet")
    (path / "params.yaml").write_text("n: -1\n")
    (path / "dvc.yaml").write_text(
        f"stages:\n  s:\n    cmd: {_LINE}\n    params: [n]\n    outs: [out]\n"
    )
    bench.do(path, "git", "add", "-A")
    bench.do(path, "git", "commit", "--quiet", "-m", "one")
    return path


def digits(bench: Bench, count: int) -> None:
    """The digits example over the depth of its forest."""
    job = f"digits: {count} depths of the forest, two at a time"
    path = bench.project("digits")
    for file in (*DIGITS.glob("*.py"), *DIGITS.glob("*.yaml")):
        shutil.copy(file, path)
    bench.do(path, "mltrack", "init")
    bench.do(path, str(HERE / "python"), "export.py")
    bench.do(path, "mltrack", "add", "data/images", "data/labels.csv")
    bench.do(path, "git", "add", "-A")
    bench.do(path, "git", "commit", "--quiet", "-m", "one")
    bench.do(path, "mltrack", "repro")
    bench.do(path, "git", "add", "-A")
    bench.do(path, "git", "commit", "--quiet", "-m", "ran")
    depths = f"forest.depth=range(20,{20 + count})"
    found = bench.time(path, "mltrack", "-q", "exp", "run", "-S", depths, "-j", "2")
    shown = json.loads(bench.do(path, "mltrack", "exp", "show", "--json"))
    ran: dict[str, int] = {}
    seconds = 0.0
    for one in shown["experiments"]:
        for stage, done in one["stages"].items():
            if done["how"] == "ran":
                ran[stage] = ran.get(stage, 0) + 1
                seconds += done["seconds"]
    ratio = found.wall / (seconds / 2)
    bench.note(
        job,
        "mltrack",
        found,
        f"wall {ratio:.2f} x the commands on two cores; ran: "
        + ", ".join(f"{name} {times}" for name, times in sorted(ran.items())),
    )


def over_ssh(bench: Bench, config: str, host: str) -> None:
    """A hundred experiments of a second on a host with two slots."""
    path = bench.project("ssh")
    (path / "params.yaml").write_text("n: -1\n")
    bench.do(path, "mltrack", "init")
    (path / "mltrack.yaml").write_text(
        "stages:\n  s:\n    cmd: sleep 1; cat params.yaml > out\n    params: [n]\n"
        "    outs: [out]\n    resources: {gpus: 1}\n"
    )
    bench.do(path, "mltrack", "runner", "add", "--local", "box", host)
    for option, value in (
        ("ssh_config", config),
        ("directory", str(bench.top / "host")),
        ("gpu_locks", str(bench.top / "locks")),
        ("gpus", "2"),
    ):
        bench.do(path, "mltrack", "config", "--local", f"runner.box.{option}", value)
    bench.do(path, "git", "add", "-A")
    bench.do(path, "git", "commit", "--quiet", "-m", "one")
    sweep = ["-S", "n=range(100)", "--runner", "box", "-j", "4"]
    found = bench.time(path, "mltrack", "-q", "exp", "run", *sweep)
    bench.note(
        "100 experiments of one second over ssh, 2 slots",
        "mltrack",
        found,
        f"slots busy {100 / 2 / found.wall:.0%} of the wall time, connecting included",
    )


def table(bench: Bench, count: int) -> None:
    """A table of many experiments."""
    path = bench.top / "one" / "project"
    bench.do(path, "mltrack", "-q", "exp", "run", "-S", f"n=range(1000,{1000 + count})")
    found = bench.time(path, "mltrack", "exp", "show")
    bench.note(f"exp show of {count}", "mltrack", found)
    if bench.dvc:
        theirs = bench.top / "one-dvc" / "project"
        shown = bench.time(theirs, bench.dvc, "exp", "show", "--no-pager")
        bench.note(
            "exp show of its own", "dvc", shown, f"{shown.cpu / found.cpu:.1f} x"
        )


def main() -> None:
    """Plays all of it and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--shown", type=int, default=1000)
    parser.add_argument("--scratch", default=None)
    parser.add_argument("--ssh-config", default="")
    parser.add_argument("--host", default="localhost")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.scratch) as top:
        bench = Bench(Path(top))
        one_line(bench, given.count)
        digits(bench, given.count)
        table(bench, given.shown)
        if given.ssh_config:
            over_ssh(bench, given.ssh_config, given.host)
    print(f"\n{machine()}\n\n| job | by | CPU s | wall s | |\n|---|---|---|---|---|")
    for row in bench.rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
