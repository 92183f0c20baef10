"""``make bench-runners``: what jobs cost on this machine and over ssh to it.

usage: python -m benchmarks.runners --ssh-config FILE --host NAME [--jobs N] [--scratch
DIR]

The host is one that ``ssh -F FILE NAME true`` reaches; a server on loopback will do.
Measured are a job's way there and back beside ``ssh NAME true`` without multiplexing,
in turns; twenty jobs of two seconds over two GPU slots beside the ideal twenty seconds;
and what a second run of a stage with a 1 GiB input sends.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mltrack.objects.digest import XXH3
from mltrack.runners.connection import Address
from mltrack.runners.hosts import HostRunner
from mltrack.runners.job import Item, Job, Seen
from mltrack.runners.task import HostSettings
from mltrack.store.local.cache import Cache

PIPELINE = """
stages:
  t:
    matrix: {n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]}
    cmd: sleep 2; echo ${item.n} > o${item.n}
    outs: ["o${item.n}"]
    resources: {gpus: 1}
"""
LARGE = """
stages:
  t:
    cmd: cat code.py > o; wc -c < big >> o
    deps: [code.py, big]
    outs: [o]
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ssh-config", required=True)
    parser.add_argument("--host", default="worker")
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    given = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="mltrack-bench-", dir=given.scratch))
    try:
        dispatch(top, given.ssh_config, given.host, given.jobs)
        slots(top, given.ssh_config, given.host)
        large(top, given.ssh_config, given.host)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def dispatch(top: Path, config: str, host: str, count: int) -> None:
    """One job after another, each submitted, run, taken and forgotten, beside plain
    ssh.
    """
    root = top / "dispatch"
    root.mkdir()
    settings = HostSettings("box", {}, str(top / "locks"), 1 << 40, "")
    runner = HostRunner(
        settings,
        [Address(host, "python3", str(top / "host"), config)],
        str(root),
        str(root / "jobs"),
        Cache(str(root / "cache"), XXH3),
    )
    started = time.perf_counter()
    runner.open()
    print(
        "first connection, the worker and its library sent: "
        f"{time.perf_counter() - started:.2f} s"
    )
    jobs, plain = [], []
    for number in range(count):
        jobs.append(one_job(runner, number))
        started = time.perf_counter()
        subprocess.run(
            ["ssh", "-F", config, "-o", "ControlPath=none", host, "true"], check=True
        )
        plain.append(time.perf_counter() - started)
    runner.close()
    job, ssh = statistics.median(jobs[1:]), statistics.median(plain[1:])
    print(
        f"a job, warm: {job * 1000:.0f} ms; ssh {host} true: {ssh * 1000:.0f} ms; "
        f"ratio {job / ssh:.2f}"
    )


def one_job(runner: HostRunner, number: int) -> float:
    started = time.perf_counter()
    ticket = runner.submit(
        Job(f"{number:032x}", "s", "/bin/sh", "", (Item("", ("true",)),))
    )
    while not runner.poll({ticket: Seen()})[ticket].state.is_over:
        runner.wait(1)
    runner.fetch(ticket)
    runner.settle(ticket)
    runner.forget(ticket)
    return time.perf_counter() - started


def project(path: Path, top: Path, config: str, host: str, text: str) -> Path:
    path.mkdir()
    run(path, "git", "init", "--quiet")
    mltrack(path, "init")
    (path / "mltrack.yaml").write_text(text)
    mltrack(path, "runner", "add", "--local", "box", host)
    options = {
        "ssh_config": config,
        "gpus": "2",
        "directory": str(top / "host"),
        "gpu_locks": str(top / "locks"),
    }
    for key, value in options.items():
        mltrack(path, "config", "--local", f"runner.box.{key}", value)
    for key, value in {"gpus": "2", "gpu_locks": str(top / "local-locks")}.items():
        mltrack(path, "config", "--local", f"runner.local.{key}", value)
    return path


def slots(top: Path, config: str, host: str) -> None:
    """Twenty jobs of two seconds over two slots: the ideal is twenty seconds."""
    for name in ("local", "box"):
        path = project(top / f"slots-{name}", top, config, host, PIPELINE)
        start_up = timed(path, "repro", "--runner", name, "--dry-run")
        seconds = timed(path, "repro", "--runner", name, "-j", "20")
        print(
            f"20 jobs of 2 s over 2 slots, {name}: {seconds:.2f} s, "
            f"{seconds / 20 - 1:+.1%}; start-up {start_up:.2f} s"
        )
    first, second = (
        project(top / f"clone-{name}", top, config, host, PIPELINE)
        for name in ("a", "b")
    )
    started = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "mltrack",
        "-q",
        "repro",
        "--runner",
        "local",
        "-j",
        "20",
    ]
    for process in [subprocess.Popen(command, cwd=path) for path in (first, second)]:
        assert process.wait() == 0
    print(
        "40 jobs of two clones over 2 slots, local: "
        f"{time.perf_counter() - started:.2f} s; ideal 40 s"
    )


def large(top: Path, config: str, host: str) -> None:
    """A stage with an input of 1 GiB, then with another line of code."""
    path = project(top / "large", top, config, host, LARGE)
    with (path / "big").open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(16 << 20))
    for number in range(2):
        (path / "code.py").write_text(f"print({number})\n")
        started = time.perf_counter()
        out = mltrack(path, "repro", "--runner", "box", "--json")
        sent = [
            json.loads(line)["sent"]
            for line in out.splitlines()
            if '"StageFinished"' in line
        ]
        print(
            f"1 GiB input, run {number + 1}: {sent[0]:,} bytes sent, "
            f"{time.perf_counter() - started:.1f} s"
        )


def timed(path: Path, *arguments: str) -> float:
    started = time.perf_counter()
    mltrack(path, *arguments)
    return time.perf_counter() - started


def mltrack(path: Path, *arguments: str) -> str:
    return run(path, sys.executable, "-m", "mltrack", *arguments)


def run(path: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=path, check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main()
