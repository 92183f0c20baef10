"""Which stages a person means."""

import pytest

from mltrack.engine.pipelines import at_or_below, choose, nearest
from mltrack.errors import UsageError
from mltrack.pipeline.graph import build
from mltrack.pipeline.stage import Output, Stage

STAGES = (
    Stage("prepare", "prepare", "mltrack.yaml", ("x",), outs=(Output("data"),)),
    Stage(
        "train@1",
        "train@1",
        "mltrack.yaml",
        ("x",),
        deps=("data",),
        outs=(Output("m1"),),
    ),
    Stage(
        "train@2",
        "train@2",
        "mltrack.yaml",
        ("x",),
        deps=("data",),
        outs=(Output("m2"),),
    ),
    Stage(
        "sub/mltrack.yaml:plot",
        "plot",
        "sub/mltrack.yaml",
        ("x",),
        outs=(Output("sub/p"),),
    ),
)


@pytest.mark.parametrize(
    "target, directory, found",
    [
        ("prepare", "", ["prepare"]),
        ("train", "", ["train@1", "train@2"]),
        ("train@2", "", ["train@2"]),
        ("m1", "", ["train@1"]),
        ("data", "", ["prepare"]),
        ("plot", "sub", ["sub/mltrack.yaml:plot"]),
        ("p", "sub", ["sub/mltrack.yaml:plot"]),
        ("sub/mltrack.yaml", "", ["sub/mltrack.yaml:plot"]),
        ("sub", "", ["sub/mltrack.yaml:plot"]),
    ],
)
def test_a_target_is_a_stage_a_group_an_output_or_a_file(
    target: str, directory: str, found: list[str]
) -> None:
    assert choose(build(STAGES), [target], directory) == found


def test_several_targets_are_each_taken_once() -> None:
    assert choose(build(STAGES), ["m1", "train"]) == ["train@1", "train@2"]
    assert sorted(choose(build(STAGES), [])) == sorted(
        stage.address for stage in STAGES
    )


@pytest.mark.parametrize(
    "target, hint",
    [("prepar", "prepare"), ("plot", "sub/mltrack.yaml:plot"), ("zzz", "stage list")],
)
def test_what_names_nothing_is_refused_with_the_nearest(target: str, hint: str) -> None:
    with pytest.raises(UsageError, match="no stage or output named") as caught:
        choose(build(STAGES), [target])
    assert hint in caught.value.hint


def test_the_nearest_word_and_the_first_path_below() -> None:
    assert nearest("prepared", ["prepare", "other"]) == "did you mean 'prepare'?"
    assert nearest("x", ["prepare"]) == ""
    assert at_or_below(["a", "b/c", "b-d"], "b") == "b/c"
    assert at_or_below(["a", "bc"], "b") is None
