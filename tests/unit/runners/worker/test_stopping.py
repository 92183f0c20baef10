"""Stop rules, by what stands in the series."""

import math
import os
from pathlib import Path

import pytest

from mltrack.runners.worker.stopping import Broken, Stops

NAN = ["nan", "loss", 0.0, "min", False]
PROGRESS = ["no-progress", "val/loss", 3.0, "min", False]
SILENT = ["silence", "", 60.0, "min", False]


class Looked:
    """Rules that are looked at second by second."""

    def __init__(self, live: Path, *rows: list[object]) -> None:
        self.live = live
        self.moment = 1000.0
        self.stops = Stops(rows, str(live), self.moment)

    def log(self, name: str, text: str) -> None:
        path = self.live / f"plots/{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)

    def look(self, seconds: float = 1.0) -> list[str]:
        self.moment += seconds
        return [broken.words for broken in self.stops.look(self.moment)]


def test_a_value_that_is_no_number_stops(tmp_path: Path) -> None:
    one = Looked(tmp_path, NAN, ["infinite", "loss", 0.0, "min", True])
    assert one.look() == []
    one.log("loss", "step,loss\n0,0.5\n1,na")
    assert one.look() == []
    one.log("loss", "n\n2,inf\n")
    assert one.stops.look(one.moment + 1) == [
        Broken("loss is nan at step 1", False),
        Broken("loss is inf at step 2", True),
    ]
    one.log("loss", "3,nan\n")
    # once is enough
    assert one.look(2.0) == []


def test_no_progress_counts_steps_since_the_best_value(tmp_path: Path) -> None:
    one = Looked(tmp_path, PROGRESS)
    one.log("val/loss", "step,val/loss\n0,1.0\n1,0.5\n2,0.5\n3,0.6\n")
    assert one.look() == []
    one.log("val/loss", "4,0.5\n")
    assert one.look() == [
        "no progress in val/loss for 3 steps: best 0.5 at step 1, now step 4"
    ]
    one.log("val/loss", "5,0.4\n6,nan\n8,nan\n")
    assert one.look() == [
        "no progress in val/loss for 3 steps: best 0.4 at step 5, now step 8"
    ]


def test_more_is_better_where_the_rule_says_so(tmp_path: Path) -> None:
    rule = [*PROGRESS[:3], "max", False]
    one = Looked(tmp_path, rule)
    one.log("val/loss", "step,val/loss\n0,1\n1,2\n2,3\n3,4\n")
    assert one.look() == []
    one.log("val/loss", "6,3.9\n")
    assert len(one.look()) == 1


def test_a_series_that_is_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    one = Looked(tmp_path, NAN)
    one.log("loss", "step,loss\n0,0.5\n1,0.25\n2,0.125\n")
    assert one.look() == []
    (tmp_path / "plots/loss.csv").write_text("step,loss\n0,nan\n")
    assert one.look() == ["loss is nan at step 0"]


def test_silence_counts_from_the_last_file_that_changed(tmp_path: Path) -> None:
    one = Looked(tmp_path, SILENT)
    assert one.look(59.0) == []
    one.log("loss", "step,loss\n0,1\n")
    assert one.look(2.0) == []
    changed = (tmp_path / "plots/loss.csv").stat().st_mtime
    os.utime(tmp_path / "plots/loss.csv", (changed - 70, changed - 70))
    # what a monitor samples says nothing of the program
    (tmp_path / "system").mkdir()
    (tmp_path / "system/cpu.csv").write_text("step,cpu\n")
    assert one.look(61.0) == ["nothing was logged for 61 s"]
    assert one.look(1.0) == []


def test_rules_of_a_newer_client_are_passed_over(tmp_path: Path) -> None:
    stops = Stops([["unheard-of", "x", 1.0, "min", False]], str(tmp_path), 0.0)
    assert stops.look(1.0) == [] and stops.next_moment == math.inf


@pytest.mark.parametrize("line", [b"\xff\n", b"1\n", b"a,b\n", b"1,2,3\n", b"\n"])
def test_what_is_no_row_is_passed_over(tmp_path: Path, line: bytes) -> None:
    one = Looked(tmp_path, NAN)
    one.log("loss", "step,loss\n")
    with (tmp_path / "plots/loss.csv").open("ab") as file:
        file.write(line + b"1,nan\n")
    assert one.look() == ["loss is nan at step 1"]
