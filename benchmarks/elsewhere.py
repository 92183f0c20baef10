"""``make bench-elsewhere``: what reading another project costs, in time, requests and
bytes.

usage: python -m benchmarks.elsewhere [--size tiny|small|full] [--rounds N] [--scratch DIR]
[--out FILE]

The project lies behind an S3 server on loopback (rclone's), reached through a proxy that
counts requests and bytes; mltrack and DVC go through the same one, in turns. Nothing is
cached before a run, but where it says warm. `BENCH_DVC` names a DVC in an environment of
its own, with ``dvc[s3]``.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.contestants import Dvc, Mltrack
from benchmarks.measure import Measured, median, run
from tests.services.servers import KEY, SECRET, RcloneS3
from tests.support.counting import Counting


class Size(NamedTuple):
    large_mib: int
    rows: int
    files: int
    commits: int


# 80 bytes a row
SIZES = {
    "tiny": Size(16, 160_000, 1_500, 300),
    "small": Size(256, 1_600_000, 10_000, 5_000),
    "full": Size(4096, 13_000_000, 100_000, 50_000),
}
READS = 1000
_END = """
import os, mltrack
with mltrack.open('large.bin', 'rb', repo='.', rev='HEAD') as file:
    file.seek(-65536, os.SEEK_END)
    assert len(file.read()) == 65536
"""
_DVC_END = """
import os
from dvc.api import DVCFileSystem
with DVCFileSystem('.').open('large.bin', 'rb') as file:
    file.seek(-65536, os.SEEK_END)
    assert len(file.read()) == 65536
"""
_COLUMN = """
import sys, pandas
address, options = eval(sys.argv[1])
assert len(pandas.read_parquet(address, columns=['c3'], storage_options=options)) > 1
"""
_OPENED = {
    "mltrack": "import fsspec; fs = fsspec.filesystem('mltrack', repo='.', rev='HEAD')",
    "dvc": "from dvc.api import DVCFileSystem; fs = DVCFileSystem('.')",
}
_RANDOM = """
import random
chance = random.Random(5)
with fs.open('large.bin', 'rb') as file:
    size = file.seek(0, 2)
    for _ in range(1000):
        file.seek(chance.randrange(size - 4096))
        assert len(file.read(4096)) == 4096
"""
_FILES = """
import random, sys
numbers = random.Random(5).sample(range(int(sys.argv[1])), 1000)
paths = [f'many/{number % 100:02}/{number:06}' for number in numbers]
"""
_ONE_BY_ONE = _FILES + "assert all(fs.cat_file(path) for path in paths)"
_AT_ONCE = _FILES + "assert len(fs.cat(paths)) == 1000"


class Run(NamedTuple):
    time: Measured
    requests: int
    bytes: int


class Bench:
    """Jobs and what they cost, by job and by who did it."""

    def __init__(self, proxy: Counting, rounds: int) -> None:
        self.proxy, self.rounds = proxy, rounds
        self.runs: dict[str, dict[str, list[Run]]] = {}

    def job(self, name: str, *ways: tuple[str, Callable[[], Measured]]) -> None:
        """Plays all ways of a job in turns; who begins changes from round to round."""
        for number in range(self.rounds):
            at = number % len(ways)
            for who, play in (*ways[at:], *ways[:at]):
                before = len(self.proxy.asked), self.proxy.bytes
                time = play()
                found = Run(
                    time,
                    len(self.proxy.asked) - before[0],
                    self.proxy.bytes - before[1],
                )
                self.runs.setdefault(name, {}).setdefault(who, []).append(found)
                print(f"{name}, {who}: {found}", flush=True)

    def table(self) -> str:
        """Medians; a ratio is that of medians, to the first of a job."""
        lines = [
            "| job | who | CPU, s | wall, s | requests | bytes | CPU / wall against "
            "the first |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, by_who in self.runs.items():
            first = None
            for who, runs in by_who.items():
                time = median([one.time for one in runs])
                middle = sorted(runs, key=lambda one: one.bytes)[len(runs) // 2]
                first = first or time
                ratio = f"{time.cpu / first.cpu:.2f} / {time.wall / first.wall:.2f}"
                lines.append(
                    f"| {name} | {who} | {time.cpu:.2f} | {time.wall:.2f} | "
                    f"{middle.requests} | {middle.bytes:,} | {ratio} |"
                )
        return "\n".join(lines) + "\n"


class Projects:
    """The same data as a project of mltrack and one of DVC, pushed."""

    def __init__(self, top: Path, size: Size, port: int) -> None:
        self.size = size
        remote = {
            "endpoint": f"http://127.0.0.1:{port}",
            "access_key": KEY,
            "secret_key": SECRET,
            "url": "s3://bucket/project",
        }
        self.remote = remote
        self.ours = Mltrack(top / "ours", remote)
        self.dvc = Dvc(top / "dvc", remote) if Dvc.find() else None
        self.ours.begin()
        data = self.ours.project
        _make(data, size)
        names = ["large.bin", "many", "table.parquet"]
        if self.dvc is not None:
            self.dvc.begin()
            for name in names[:2]:
                subprocess.run(
                    ["cp", "-rl", data / name, self.dvc.project / name], check=True
                )
            # copied: the two must not share what one of them changes
            self.dvc.link("copy")
            self.dvc.do([self.dvc.exe, "add", "-q", *names[:2]], self.dvc.push())
            self._commit(self.dvc)
        self.ours.do([self.ours.exe, "-q", "add", *names])
        self._commit(self.ours)
        (data / "many/00/000000").write_bytes(b"changed")
        self.ours.do([self.ours.exe, "-q", "add", "many"], self.ours.push())
        self._commit(self.ours)

    def _commit(self, who: Mltrack | Dvc) -> None:
        who.do(["git", "add", "."], ["git", "commit", "-qm", "state"])

    def cold(self, who: Mltrack | Dvc) -> None:
        """Removes what is kept here of a project."""
        who.forget_cache()
        for name in ("large.bin", "many", "table.parquet", ".dvc/tmp"):
            path = who.project / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        # not its settings, by which the remote is trusted
        shutil.rmtree(who.top / "home/.cache", ignore_errors=True)

    def python(self, who: Mltrack | Dvc, code: str, *arguments: str) -> Measured:
        """Runs Python in a project of which nothing is here."""
        self.cold(who)
        python = (
            sys.executable if who is self.ours else str(Path(who.exe).parent / "python")
        )
        # rclone's server sends the whole file's checksum with a part of it
        lenient = {"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}
        return run(
            [python, "-c", code, *arguments],
            who.project,
            {**who.environment, **lenient},
        )

    def command(self, who: Mltrack | Dvc, *command: str) -> Measured:
        return run([who.exe, *command], who.project, who.environment)


def _make(top: Path, size: Size) -> None:
    import numpy
    import pyarrow
    from pyarrow import parquet

    chance = random.Random(7)
    with (top / "large.bin").open("wb") as file:
        for _ in range(size.large_mib):
            file.write(chance.randbytes(1 << 20))
    for number in range(size.files):
        path = top / f"many/{number % 100:02}/{number:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randint(2048, 10240)))
    values = numpy.random.default_rng(7)
    names = [f"c{number}" for number in range(10)]
    with parquet.ParquetWriter(
        top / "table.parquet",
        pyarrow.schema([(name, pyarrow.float64()) for name in names]),
        compression="none",
        use_dictionary=False,
    ) as writer:
        for _ in range(8):
            columns = {name: values.random(size.rows // 8) for name in names}
            writer.write_table(pyarrow.table(columns))


def _history(top: Path, commits: int) -> str:
    """Makes a project of many commits by git's own fast import; returns its address."""
    maker = Mltrack(top / "history")
    maker.begin()
    text = ["blob\nmark :1\ndata 2\nx\n\n"]
    for number in range(commits):
        text.append(
            f"blob\nmark :{number + 10}\ndata {len(str(number))}\n{number}\n"
            f"commit refs/heads/main\ncommitter b <b@localhost> {number + 1} +0000\n"
            f"data 1\nc\nM 100644 :{number + 10} code/{number % 500}.py\n"
        )
    maker.do(["git", "config", "uploadpack.allowFilter", "true"])
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        input="".join(text).encode(),
        cwd=maker.project,
        check=True,
    )
    maker.do(
        ["git", "symbolic-ref", "HEAD", "refs/heads/main"],
        ["git", "read-tree", "HEAD"],
        ["git", "add", ".mltrack"],
        ["git", "commit", "-qm", "project"],
        ["git", "repack", "-adq"],
    )
    return f"file://{maker.project}"


def play(bench: Bench, projects: Projects, top: Path) -> None:
    ours, dvc = projects.ours, projects.dvc
    both: list[tuple[str, Mltrack | Dvc]] = [("mltrack", ours)]
    both += [("dvc", dvc)] if dvc is not None else []

    def code(name: str, text: str, *arguments: str) -> None:
        ways = [
            (
                who,
                lambda who=who, tool=tool: projects.python(
                    tool, f"{_OPENED[who]}\n{text}", *arguments
                ),
            )
            for who, tool in both
        ]
        bench.job(name, *ways)

    ends = {"mltrack": _END, "dvc": _DVC_END}
    bench.job(
        "the last 64 KiB of a large file",
        *(
            (who, lambda who=who, tool=tool: projects.python(tool, ends[who]))
            for who, tool in both
        ),
    )
    code("1,000 reads of 4 KiB", _RANDOM)
    many = str(projects.size.files)
    code(f"1,000 of {many} files, one by one", _ONE_BY_ONE, many)
    code(f"1,000 of {many} files, in one call", _AT_ONCE, many)
    _column(bench, projects)
    one = "many/07/000007"

    def get(tool: Mltrack | Dvc, *, warm: bool = False) -> Measured:
        if not warm:
            projects.cold(tool)
        out = top / "out"
        out.unlink(missing_ok=True)
        place = str(tool.project)
        named = [one, "--repo", place] if tool is ours else [place, one]
        return projects.command(tool, "get", *named, "-o", str(out))

    bench.job("get one file, cold", *((w, lambda t=t: get(t)) for w, t in both))
    bench.job(
        "get one file, again", *((w, lambda t=t: get(t, warm=True)) for w, t in both)
    )
    bench.job(
        "diff of two revisions, one file differs",
        ("start-up", lambda: projects.command(ours, "--version")),
        ("mltrack", lambda: projects.command(ours, "diff", "HEAD~1", "HEAD")),
    )
    _long_history(bench, projects, top)


def _column(bench: Bench, projects: Projects) -> None:
    import s3fs

    ours, given = projects.ours, projects.remote
    options = {
        "key": KEY,
        "secret": SECRET,
        "client_kwargs": {"endpoint_url": given["endpoint"]},
    }
    fs = s3fs.S3FileSystem(**options)
    ours.do([ours.exe, "-q", "pull", "table.parquet"])
    fs.put_file(str(ours.project / "table.parquet"), "bucket/table.parquet")
    there = (
        "mltrack://table.parquet",
        {"repo": ".", "rev": "HEAD"},
    )
    plain = ("s3://bucket/table.parquet", options)
    bench.job(
        "one column of ten, pandas",
        ("s3fs", lambda: projects.python(ours, _COLUMN, repr(plain))),
        ("mltrack", lambda: projects.python(ours, _COLUMN, repr(there))),
    )


def _long_history(bench: Bench, projects: Projects, top: Path) -> None:
    ours, address = projects.ours, _history(top, projects.size.commits)
    out, clone = top / "file", top / "clone"

    def get(*, warm: bool) -> Measured:
        if not warm:
            projects.cold(ours)
        out.unlink(missing_ok=True)
        named = ["code/7.py", "--repo", address]
        return projects.command(ours, "get", *named, "-o", str(out))

    def cloned() -> Measured:
        shutil.rmtree(clone, ignore_errors=True)
        how = ["--quiet", "--depth=1", "--filter=blob:none"]
        command = ["git", "clone", *how, address, str(clone)]
        return run(command, ours.project, ours.environment)

    bench.job(
        f"get out of {projects.size.commits:,} commits",
        ("git clone", cloned),
        ("mltrack", lambda: get(warm=False)),
        ("mltrack, again", lambda: get(warm=True)),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    parser.add_argument("--out", default="build/bench/elsewhere.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=given.scratch) as name:
        top = Path(name)
        server = RcloneS3(top / "server").start()
        try:
            proxy = Counting(server.port)
            bench = Bench(proxy, given.rounds)
            play(bench, Projects(top, SIZES[given.size], proxy.port), top)
        finally:
            server.stop()
            Path(given.out).parent.mkdir(parents=True, exist_ok=True)
            Path(given.out).write_text(bench.table())
    print(bench.table())


if __name__ == "__main__":
    main()
