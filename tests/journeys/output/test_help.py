"""Help: pages by topic, what other tools' verbs are called here, and names that a shell
is offered.
"""

import os

import pytest

from mltrack.cli.help_topics import TOPICS
from tests.support.workspace import Workspace

GROUP = """stages:
  train:
    matrix: {seed: [1, 2]}
    cmd: x > ${item.seed}.o
    metrics: ["m${item.seed}.json"]
"""


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_its_page(ws: Workspace, topic: str) -> None:
    assert ws.mltrack("help", topic).out.startswith("# ")
    assert topic in ws.mltrack("--help").out


def test_help_of_a_command_is_its_own_and_a_misspelt_topic_is_named(
    ws: Workspace,
) -> None:
    assert "Usage: mltrack push" in ws.mltrack("help", "push").out
    refused = ws.mltrack("help", "runer", code=2)
    assert "did you mean `mltrack help runner`?" in refused.err or (
        "did you mean `mltrack help runners`?" in refused.err
    )


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("experiments", "mltrack exp"),
        ("list", "mltrack ls"),
        ("unprotect", "mltrack edit"),
    ],
)
def test_verbs_of_dvc_are_answered(ws: Workspace, verb: str, says: str) -> None:
    refused = ws.mltrack(verb, "anything", code=2)
    assert f"hint: `dvc {verb}` is here: " in refused.err and says in refused.err


def test_what_is_missing_of_a_sub_command_points_to_its_own_help(ws: Workspace) -> None:
    refused = ws.mltrack("remote", "add", code=2)
    assert "hint: mltrack remote add --help" in refused.err


def offered(ws: Workspace, *words: str) -> list[str]:
    line = " ".join(("mltrack", *words))
    done = ws.run(
        ["mltrack"],
        _MLTRACK_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(words)),
    )
    return done.out.split()


def test_a_shell_is_offered_what_the_project_knows(ws: Workspace) -> None:
    ws.write("mltrack.yaml", GROUP)
    ws.write("images/a", "x")
    ws.mltrack("add", "images")
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.commit()
    ws.git("tag", "v1")
    assert offered(ws, "freeze", "tr") == ["train", "train@1", "train@2"]
    assert "images" in offered(ws, "checkout", "im")
    assert offered(ws, "push", "-r", "s") == ["store"]
    assert offered(ws, "push", "--rev", "v") == ["v1"]
    assert "m1.json" in offered(ws, "metrics", "show", "-t", "m")


def test_where_there_is_no_project_nothing_is_offered(bare: Workspace) -> None:
    os.makedirs(bare.path / "empty", exist_ok=True)
    assert offered(bare, "freeze", "tr") == []
