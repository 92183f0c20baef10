"""The jobs, in the order in which a project meets them, each with the floor that it is
held against.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks import floors
from benchmarks.contestants import Contestant, Mltrack
from benchmarks.measure import Measured, bytes_below, run
from benchmarks.shapes import Shape, first_file

FLOOR = "floor"


class Runs:
    """What was measured: runs by shape, job and contestant; and bytes stored."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str, str], list[Measured]] = {}
        self.stored: dict[tuple[str, str, str], int] = {}
        self.abouts: dict[str, str] = {}
        self.failures: list[str] = []
        """What others could not do: told below the tables."""

    def add(self, shape: str, job: str, who: str, figure: Measured) -> None:
        self.figures.setdefault((shape, job, who), []).append(figure)


class Play:
    """One contestant at one shape: runs jobs, and right before or after each its floor,
    once per round.

    Who begins changes from round to round: on a virtual machine the first to touch
    memory or blocks pays for both.
    """

    def __init__(
        self,
        contestant: Contestant,
        shape: Shape,
        runs: Runs,
        scale: float = 1.0,
        *,
        floor_first: bool = False,
    ) -> None:
        self.contestant, self.shape, self.runs, self.scale = (
            contestant,
            shape,
            runs,
            scale,
        )
        self.floor_first = floor_first
        self.has_floors = isinstance(contestant, Mltrack)
        self.gone = 0

    def job(
        self, name: str, command: list[str] | None, floor: list[str] | None = None
    ) -> None:
        if command is None:
            return
        who = self.contestant
        os.sync()
        if floor is not None and self.has_floors and self.floor_first:
            self.runs.add(
                self.shape.name, name, FLOOR, run(floor, who.project, who.environment)
            )
            os.sync()
        try:
            figure = run(command, who.project, who.environment)
        except RuntimeError as error:
            if self.has_floors:
                raise
            self.runs.failures.append(
                f"{self.shape.name}, {name}: {error}".splitlines()[0]
            )
            return
        scaled = Measured(
            figure.cpu * self.scale, figure.wall * self.scale, figure.peak
        )
        self.runs.add(self.shape.name, name, who.name, scaled)
        if floor is not None and self.has_floors and not self.floor_first:
            self.runs.add(
                self.shape.name, name, FLOOR, run(floor, who.project, who.environment)
            )

    def put_away(self, path: Path) -> None:
        """Takes the data out of the way without deleting it, which would slow down what
        comes next.
        """
        if path.exists():
            self.gone += 1
            path.rename(self.contestant.top / f"gone{self.gone}")

    def command(self, name: str, *arguments: str) -> list[str] | None:
        make: Callable[..., list[str]] | None = getattr(self.contestant, name)
        return make(*arguments) if make is not None else None

    def store(self, name: str, path: Path) -> None:
        self.runs.stored[self.shape.name, name, self.contestant.name] = bytes_below(
            path
        )


def play(
    contestant: Contestant, shape: Shape, source: Path, runs: Runs, number: int = 0
) -> None:
    """Plays all jobs of a local shape once."""
    runs.abouts[shape.name] = shape.about
    contestant.begin()
    play = Play(contestant, shape, runs, floor_first=number % 2 == 1)
    data, top = contestant.project / "data", contestant.top
    shutil.copytree(source, data)
    _settle(data)
    if shape.large == 1:
        _play_large(play, contestant, source, data)
        return
    scan = floors.status()
    play.job("add", play.command("add"), floors.add(top))
    play.job("status, nothing changed", play.command("status"), scan)
    play.job("add again, nothing changed", play.command("add"), scan)
    play.store("cache after add", contestant.project)
    first = top / "first-version"
    if (
        not (contestant.project / contestant.metadata).exists()
        or contestant.checkout is None
    ):
        return
    shutil.copy(contestant.project / contestant.metadata, first)
    changed = first_file(data)
    changed.write_bytes(b"changed" + changed.read_bytes())
    play.job("add after one file changed", play.command("add"), scan)
    if contestant.status is not None and contestant.push is not None:
        shutil.copy(first, contestant.project / contestant.metadata)
        play.job(
            "checkout of the version that differs in one file",
            play.command("checkout"),
            scan,
        )
    play.put_away(data)
    play.job(
        "delete all, checkout from the cache",
        play.command("checkout"),
        ["cp", "-r", str(source), str(top / "floor-copy")],
    )
    if contestant.push is None:
        return
    one = top / "floor.pack"
    play.job("push to a directory", play.command("push"), floors.copy_one(one, top))
    play.store("store after push", contestant.store)
    play.job("push again", play.command("push"), floors.start())
    play.put_away(data)
    contestant.forget_cache()
    play.job("pull from a directory", play.command("pull"), None)
    if isinstance(contestant, Mltrack):
        play.put_away(data)
        runs.add(
            shape.name,
            "pull from a directory",
            FLOOR,
            run(contestant.checkout(), contestant.project, contestant.environment),
        )
    play.put_away(data)
    contestant.forget_cache()
    play.job(
        "pull one file",
        play.command("pull_one", str(changed.relative_to(contestant.project))),
        floors.start(),
    )
    if hasattr(contestant, "link"):
        # hard links, from objects that are files of their own
        play.put_away(data)
        contestant.forget_cache()
        contestant.link("hardlink")
        shutil.copytree(source, data)
        _settle(data)
        add = play.command("add")
        if add is not None:
            run(add, contestant.project, contestant.environment)
        play.put_away(data)
        play.job(
            "delete all, checkout as hard links",
            play.command("checkout"),
            ["cp", "-r", str(source), str(top / "floor-copy2")],
        )


def _play_large(play: Play, contestant: Contestant, source: Path, data: Path) -> None:
    file = next(data.iterdir())
    play.job("add, copied", play.command("add"), floors.copy_one(file, contestant.top))
    (contestant.top / "floor-one").unlink(missing_ok=True)
    play.job("status, nothing changed", play.command("status"), floors.start())
    play.job("add again, nothing changed", play.command("add"), floors.start())
    if not hasattr(contestant, "link"):
        return
    play.put_away(data)
    contestant.forget_cache()
    shutil.rmtree(contestant.top / f"gone{play.gone}")
    shutil.copytree(source, data)
    _settle(data)
    contestant.link("hardlink")
    play.job(
        "add, as a hard link", play.command("add"), floors.hash_one(source / file.name)
    )


def play_s3(
    contestant: Contestant, shape: Shape, source: Path, runs: Runs, scale: float
) -> None:
    """Plays push and pull over S3 once; times are multiplied by ``scale`` where fewer
    files were used.
    """
    name = f"s3-{shape.name}"
    scaled = (
        ""
        if shape.large
        else "; DVC's times are scaled from 10,000 files where there are more"
    )
    runs.abouts[name] = f"{shape.about}, S3 on loopback{scaled}"
    contestant.begin()
    play = Play(contestant, shape._replace(name=name), runs, scale)
    data = contestant.project / "data"
    shutil.copytree(source, data)
    _settle(data)
    add = play.command("add")
    assert add is not None
    run(add, contestant.project, contestant.environment)
    size = bytes_below(source)
    big = next(source.iterdir()) if shape.large else None

    def floor(way: str) -> list[str]:
        return (
            floors.s3_multipart(contestant.remote, big, way)
            if big
            else floors.s3_objects(contestant.remote, size, way)
        )

    play.job("push", play.command("push"), floor("put"))
    play.scale = 1.0
    play.job("push again", play.command("push"), floors.start())
    play.scale = scale
    play.put_away(data)
    contestant.forget_cache()
    play.job("pull", play.command("pull"), floor("get"))
    if big is not None:
        big.with_name(big.name + ".got").unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Writes everything out, and reads it once: the page cache is warm, and stamps are
    old enough to be trusted.
    """
    os.sync()
    subprocess.run(
        ["sh", "-c", f"cat $(find {path} -type f | head -1) > /dev/null; sleep 2.1"],
        check=True,
    )
