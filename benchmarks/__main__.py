"""``make bench``: the same jobs by mltrack, by what people could use instead, and by
the least that they could cost.

usage: python -m benchmarks [--size small|full] [--rounds N] [--only JOB] [--scratch
DIR] [--out DIR]

Each contestant plays each round on a fresh file system of its own where that can be
mounted (a loop file, as root): a file system that has just deleted much is slow for
minutes. Contestants take turns within a round, and so do a job and its floor. Figures
are medians; machines are noisy, so read the ratios, and CPU beside wall time.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import jobs, report
from benchmarks.contestants import ALL, Contestant, Dvc, Mltrack
from benchmarks.jobs import Runs
from benchmarks.shapes import SHAPES, Shape, make

ROUNDS = {"small": 3, "full": 3}
S3_FILES_OF_OTHERS = 10_000
"""DVC moves so many files over S3, and its figures are scaled: more would take hours.
"""


@contextmanager
def scratch(parent: Path, size_gib: int) -> Iterator[Path]:
    """A new directory, on a new ext4 in a loop file where that is possible."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        top = Path(name)
        image, place = top / "image", top / "place"
        place.mkdir()
        is_mounted = False
        if os.geteuid() == 0 and shutil.which("mkfs.ext4"):
            with image.open("wb") as file:
                file.truncate(size_gib << 30)
            subprocess.run(
                ["mkfs.ext4", "-q", "-F", "-i", "8192", str(image)], check=True
            )
            is_mounted = (
                subprocess.run(
                    ["mount", "-o", "loop", str(image), str(place)],
                    check=False,
                    capture_output=True,
                ).returncode
                == 0
            )
        try:
            yield place
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", str(place)], check=True)


def play_all(given: argparse.Namespace, runs: Runs) -> None:
    present = [
        kind
        for kind in ALL
        if kind.find() and not (given.without and kind.name in given.without)
    ]
    parent = Path(given.scratch)
    gib = 60 if given.size == "full" else 8
    with tempfile.TemporaryDirectory(prefix="bench-data-", dir=parent) as name:
        for shape in SHAPES[given.size]:
            if given.only and shape.name not in given.only:
                continue
            source = Path(name) / shape.name
            make(shape, source)
            for number in range(given.rounds):
                # who begins changes from round to round
                for kind in (
                    present[number % len(present) :] + present[: number % len(present)]
                ):
                    if number and kind not in (Mltrack, Dvc):
                        continue
                    if number and kind is Dvc and number >= given.rounds_of_dvc:
                        continue
                    print(f"{shape.name}, round {number + 1}: {kind.name}", flush=True)
                    with scratch(parent, gib) as place:
                        jobs.play(kind(place / "c"), shape, source, runs, number)
                    report.write(runs, given)
            shutil.rmtree(source)
        if not given.only or "s3" in given.only:
            play_s3(given, runs, Path(name), parent, gib)


def play_s3(
    given: argparse.Namespace, runs: Runs, data: Path, parent: Path, gib: int
) -> None:
    from tests.services.servers import RcloneS3
    from tests.services.service import Missing

    many = next(shape for shape in SHAPES[given.size] if shape.name == "many")
    fewer = (
        many
        if given.size == "small"
        else many._replace(small=S3_FILES_OF_OTHERS, directories=100)
    )
    single = Shape(
        "single",
        0,
        1,
        large=1,
        large_bytes=(1 << 30) if given.size == "full" else (64 << 20),
    )
    kinds: list[type[Contestant]] = [kind for kind in (Mltrack, Dvc) if kind.find()]
    for number in range(min(given.rounds, 2 if given.size == "full" else given.rounds)):
        for kind in kinds:
            for shape in (many if kind is Mltrack else fewer, single):
                source = data / f"s3-{shape.name}-{shape.small}"
                if not source.exists():
                    make(shape, source)
                print(f"s3 {shape.name}, round {number + 1}: {kind.name}", flush=True)
                with scratch(parent, gib) as place:
                    try:
                        server = RcloneS3(place / "server").start()
                    except Missing as error:
                        print(f"no S3: {error}")
                        return
                    try:
                        remote = {**server.settings(), "url": server.url("bench")}
                        scale = many.small / shape.small if shape.small else 1.0
                        jobs.play_s3(
                            kind(place / "c", remote), shape, source, runs, scale
                        )
                    finally:
                        server.stop()
                report.write(runs, given)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=list(SHAPES), default="small")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--rounds-of-dvc", type=int, default=99)
    parser.add_argument("--only", action="append")
    parser.add_argument("--without", action="append")
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    parser.add_argument("--out", default="build/bench")
    given = parser.parse_args()
    given.rounds = given.rounds or ROUNDS[given.size]
    Path(given.out).mkdir(parents=True, exist_ok=True)
    runs = Runs()
    play_all(given, runs)
    print(report.write(runs, given))


def machine() -> str:
    """Describes the machine in one line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    python = sys.version.split()[0]
    kernel = platform.release()
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {kernel}, Python {python}, ext4"


if __name__ == "__main__":
    main()
