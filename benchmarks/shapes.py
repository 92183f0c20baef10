"""The data: seeded, so that every run has the same bytes."""

import random
from pathlib import Path
from typing import NamedTuple


class Shape(NamedTuple):
    """How a directory of data looks: small files of 2-10 KiB below ``directories``,
    large files of ``large_bytes``.
    """

    name: str
    small: int
    directories: int
    depth: int = 1
    large: int = 0
    large_bytes: int = 0

    @property
    def about(self) -> str:
        parts = (
            [f"{self.small:,} files of 2-10 KiB in {self.directories:,} directories"]
            if self.small
            else []
        )
        parts += (
            [f"{self.large} of {self.large_bytes >> 20:,} MiB"] if self.large else []
        )
        return ", ".join(parts) + (
            f", {self.depth} levels deep" if self.depth > 1 else ""
        )


MIB = 1 << 20
SHAPES = {
    "small": [
        Shape("many", 5_000, 50),
        Shape("large", 0, 1, large=1, large_bytes=256 * MIB),
        Shape("deep", 500, 250, depth=50),
        Shape("mixed", 500, 10, large=4, large_bytes=16 * MIB),
    ],
    "full": [
        # git sees a file of exactly 4 GiB as empty
        Shape("many", 100_000, 100),
        Shape("large", 0, 1, large=1, large_bytes=4095 * MIB),
        Shape("deep", 10_000, 2_000, depth=100),
        Shape("mixed", 10_000, 100, large=20, large_bytes=64 * MIB),
    ],
}


def make(shape: Shape, top: Path) -> None:
    """Writes the data of a shape to a new directory."""
    chance = random.Random(7)
    top.mkdir(parents=True)
    per_directory = max(1, shape.small // shape.directories)
    for number in range(shape.small):
        if number % per_directory == 0:
            group = number // per_directory
            levels = [f"{group // shape.depth:04d}"] + [
                f"level{n}" for n in range(group % shape.depth)
            ]
            here = top.joinpath(*levels)
            here.mkdir(parents=True, exist_ok=True)
        (here / f"{number:06d}.bin").write_bytes(
            chance.randbytes(chance.randint(2048, 10240))
        )
    for number in range(shape.large):
        with (top / f"large{number:02d}.bin").open("wb") as file:
            for _ in range(shape.large_bytes // MIB):
                file.write(chance.randbytes(MIB))


def first_file(top: Path) -> Path:
    return next(path for path in sorted(top.rglob("*")) if path.is_file())
