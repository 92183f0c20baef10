"""What logging costs: a call, a page of a million points, a monitor, the imports. Run it
as ``python -m benchmarks.logging``.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CALLS, POINTS, TURNS = 200_000, 1_000_000, 5
# seconds for which a monitor samples
_SAMPLED = 20.0
_CALL = """
import time
from mltrack import log
names = [f"metric{{number}}" for number in range({names})]
log(step=0, **dict.fromkeys(names, 0.5))
begun, cpu = time.perf_counter(), time.process_time()
for step in range({calls}):
    log(step=step, **dict.fromkeys(names, 1 / (step + 1)))
print((time.perf_counter() - begun) / {calls} * 1e6, (time.process_time() - cpu) / {calls} * 1e6)
"""
_MONITOR = """
import time
from mltrack import log
log.system(1.0)
begun = time.process_time()
time.sleep({seconds})
print((time.process_time() - begun) / {seconds} * 100)
"""


def python(place: Path, text: str) -> list[float]:
    """The numbers that a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def timed(place: Path, *command: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(
        command,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def calls(place: Path) -> Iterator[tuple[str, float]]:
    for names in (1, 10):
        found = [
            python(place, _CALL.format(names=names, calls=CALLS // names))
            for _ in range(TURNS)
        ]
        for at, kind in enumerate(("wall", "CPU")):
            value = statistics.median(one[at] for one in found)
            yield f"a call with {names} metrics, {kind}, µs", value


def page(place: Path) -> Iterator[tuple[str, float]]:
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    mltrack = (sys.executable, "-m", "mltrack")
    timed(place, *mltrack, "init", "-q")
    (place / "mltrack.yaml").write_text("plots: [live/plots]\n")
    series = place / "live/plots/loss.csv"
    series.parent.mkdir(parents=True)
    with series.open("w") as file:
        file.write("step,loss\n")
        file.writelines(f"{step},{1 / (step + 1)!r}\n" for step in range(POINTS))
    found = [timed(place, *mltrack, "plots", "show") for _ in range(TURNS)]
    for at, kind in enumerate(("wall", "CPU")):
        value = statistics.median(one[at] for one in found)
        yield f"plots show, {POINTS:,} points, {kind}, s", value


def imports(place: Path) -> Iterator[tuple[str, float]]:
    for text in ("pass", "import mltrack", "from mltrack import log"):
        found = [timed(place, sys.executable, "-c", text)[1] for _ in range(20)]
        yield f"python -c {text!r}, CPU, ms", statistics.median(found) * 1000


def main() -> None:
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for what in (calls, page, imports):
            place = Path(name, what.__name__)
            place.mkdir()
            rows.update(what(place))
        (percent,) = python(Path(name), _MONITOR.format(seconds=_SAMPLED))
        rows["a monitor at 1 Hz, percent of a core"] = percent
    print(json.dumps(rows, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
