"""The view below a run: how far it is, what waits, how long it takes."""

import io
from typing import Any

import pytest
from rich.console import Console

from mltrack.cli.live import LiveLines
from mltrack.engine.events import (
    StageFinished,
    StageOutput,
    StagePlaced,
    StageSkipped,
    StageStarted,
)
from mltrack.verbs.expectation import Expectation

NEEDS: dict[str, tuple[str, ...]] = {
    "a": (),
    "b": ("a",),
    "c": ("a", "b"),
    "d": ("a", "b", "c"),
}


def view(lines: LiveLines) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100).print(lines._view())
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> LiveLines:
    clock = [0.0]
    monkeypatch.setattr("mltrack.cli.live.time.monotonic", lambda: clock[0])
    made: Any = LiveLines(Expectation(4, NEEDS, {"b": 60.0}), side_by_side=True)
    monkeypatch.setattr(made, "refresh", lambda: None)
    made.clock = clock
    return made  # type: ignore[no-any-return]


def test_what_is_done_and_what_waits_for_what(lines: LiveLines) -> None:
    assert view(lines) == [
        "0/4 done  0:00",
        "waiting: b (for a), c (for a, b), d (for a, b and 1 more)",
    ]
    lines.show(StageSkipped("a"))
    assert view(lines)[0] == "1/4 done  0:00"
    # b waits for nothing any more: it is about to be taken
    assert view(lines)[-1] == "waiting: c (for b), d (for b, c)"


def test_a_stage_at_work_has_a_row_with_its_time_and_last_line(
    lines: LiveLines,
) -> None:
    lines.show(StageSkipped("a"))
    lines.show(StageStarted("b", ("x",), (), "", "rack"))
    lines.show(StagePlaced("b", "rack", "gpu1", ("0", "3"), "running"))
    lines.clock[0] = 65.0  # type: ignore[attr-defined]
    lines.show(StageOutput("b", b"epoch 1\repoch 2\nloss 0.3\n"))
    row = view(lines)[2]
    assert row.split() == [
        *("b", "rack", "(gpu1)", "0,3", "running"),
        *("1:05", "of", "1:00", "loss", "0.3"),
    ]
    lines.show(StageFinished("b", 65.0))
    assert view(lines) == ["2/4 done  1:05", "waiting: d (for c)"]


def test_what_is_left_is_told_only_where_it_is_known_of_all() -> None:
    known = {"a": 10.0, "b": 60.0, "c": 5.0, "d": 5.0}
    all_of_it = LiveLines(Expectation(4, NEEDS, known), side_by_side=True)
    assert "about 1:20 left" in view(all_of_it)[0]
    some_of_it = LiveLines(Expectation(4, NEEDS, {"a": 10.0}), side_by_side=True)
    assert "left" not in view(some_of_it)[0]
