"""Lines of ``.gitignore`` follow what stages declare."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mltrack.engine.ignoring import IgnoreLines
from mltrack.pipeline.paths import PathMap
from tests.unit.engine.stages import stage


class Texts:
    """The ignore files of a project, edited as a session does."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        place = self.top / path
        before = place.read_text() if place.exists() else ""
        after = change(before)
        if after != before:
            place.write_text(after)

    def lines(self, path: str = ".gitignore") -> list[str]:
        place = self.top / path
        return place.read_text().splitlines() if place.exists() else []


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    return Texts(tmp_path)


@pytest.fixture
def ignoring(tmp_path: Path, texts: Texts) -> IgnoreLines:
    return IgnoreLines(str(tmp_path), texts.edit)


def test_a_cached_output_is_hidden_and_one_that_git_keeps_is_not(
    ignoring: IgnoreLines, texts: Texts
) -> None:
    ignoring.follow(
        [stage("a", outs=("model",)), stage("b", outs=("score.json",), cached=False)]
    )
    assert texts.lines() == ["/model"]


def test_a_line_goes_when_git_is_to_keep_the_output(
    ignoring: IgnoreLines, texts: Texts
) -> None:
    ignoring.follow([stage("a", outs=("model",))])
    ignoring.follow(
        [stage("a", outs=("model",), cached=False)], [("mltrack.yaml", "model")]
    )
    assert texts.lines() == []


def test_what_nobody_declares_stays_hidden_while_it_is_there(
    ignoring: IgnoreLines, texts: Texts, tmp_path: Path
) -> None:
    ignoring.follow([stage("a", outs=("model",))])
    (tmp_path / "model").write_text("x")
    ignoring.follow([], [("mltrack.yaml", "model")])
    assert texts.lines() == ["/model"]
    (tmp_path / "model").unlink()
    ignoring.follow([], [("mltrack.yaml", "model")])
    assert texts.lines() == []


def test_lines_of_others_are_left_alone(
    ignoring: IgnoreLines, texts: Texts, tmp_path: Path
) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")
    ignoring.follow([stage("a", outs=("model",))])
    ignoring.sweep(["mltrack.yaml"], PathMap(()), lambda path: path == "model")
    assert texts.lines() == ["*.log"]


def test_a_line_that_is_lacking_is_named_with_its_place(
    ignoring: IgnoreLines, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    [lacking] = ignoring.lacking([("sub/mltrack.yaml", "sub/model")])
    assert (lacking.path, lacking.place, lacking.line) == (
        "sub/model",
        "sub/.gitignore",
        "/model",
    )
