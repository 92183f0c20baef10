"""How experiments are looked at: tables, conditions, rankings, differences."""

import csv
import io

import pytest

from tests.support.experiments import refused, training, untouched
from tests.support.workspace import Workspace


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    """Four experiments that are done and one that failed, whose metrics are as their
    rates.
    """
    training(ws)
    ws.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2", "-S", "depth=1,2")
    ws.mltrack("exp", "run", "-n", "bad", "-S", "lr='0.9; exit 3'", code=8)
    return ws


def rows(ws: Workspace, *arguments: str) -> list[dict[str, str]]:
    out = ws.mltrack("exp", "show", "--csv", *arguments).out
    return list(csv.DictReader(io.StringIO(out)))


def test_a_table_of_all(trained: Workspace) -> None:
    with untouched(trained):
        out = trained.mltrack("exp", "show").out
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "t-1",
        "t-2",
        "t-3",
        "t-4",
        "bad",
    ]


def test_conditions_orders_and_columns(trained: Workspace) -> None:
    found = rows(trained, "--where", "metrics.acc > 0.1 and params.depth == 2")
    assert [row["name"] for row in found] == ["t-4"]
    found = rows(
        trained, "--where", "state == 'done'", "--sort", "-params.lr", "-n", "1"
    )
    assert found[0]["name"] in ("t-3", "t-4")
    found = rows(trained, "--columns", "name,params.lr")
    assert list(found[0]) == ["name", "params.lr"]
    only = rows(trained, "--where", "params.depth == 1", "--only-changed")
    assert not [name for name in only[0] if "depth" in name]


def test_a_ranking(trained: Workspace) -> None:
    out = trained.mltrack("exp", "rank", "--by", "metrics.acc", "--max").out
    assert out.index("t-3") < out.index("t-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "--where", "metrics.acc >"), "expected a name"),
        (("show", "--where", "metrics.gone > 1"), "metrics.gone"),
        (("show", "--where", "__import__('os')"), "not valid"),
        (("show", "--sort", "metrics.gone"), "metrics.gone"),
        (("show", "--columns", "gone"), "gone"),
        (("show", "--live"), "--live"),
        (("diff", "t-1", "gone"), "gone"),
        (("logs", "gone"), "gone"),
    ],
)
def test_what_no_experiment_has(
    arguments: tuple[str, ...], words: str, trained: Workspace
) -> None:
    refused(trained, *arguments, words=words, code=2)


def test_a_difference_by_value_by_file_and_as_a_patch(trained: Workspace) -> None:
    trained.write("code/train.sh", trained.read("code/train.sh") + "# more\n")
    trained.mltrack("exp", "run", "-n", "new", "-S", "lr=0.3")
    with untouched(trained):
        out = trained.mltrack("exp", "diff", "t-1", "new").out
    assert "0.3" in out and "+# more" in out and "model" in out
    # the lock, params and metrics are said by value
    assert out.count("diff --git") == 1


def test_a_difference_to_one_that_has_no_result(trained: Workspace) -> None:
    out = trained.mltrack("exp", "diff", "t-1", "bad").out
    assert "lr" in out


def test_metrics_that_cannot_be_read_harm_no_table(trained: Workspace) -> None:
    trained.write("code/train.sh", "echo > model; echo '{broken' > metrics.json\n")
    trained.mltrack("exp", "run", "-n", "odd", "-S", "lr=0.4")
    assert "odd" in trained.mltrack("exp", "show").out
    trained.write(
        "code/train.sh",
        'echo > model; echo \'{"acc": NaN, "b": [1, {"c": null}]}\' > metrics.json\n',
    )
    trained.mltrack("exp", "run", "-n", "nan", "-S", "lr=0.5")
    trained.mltrack("exp", "show", "--json")
    trained.mltrack("exp", "show", "--sort", "metrics.acc")


def test_a_project_without_experiments(ws: Workspace) -> None:
    assert "no experiments" in ws.mltrack("exp", "show").out
    assert ws.mltrack("exp", "show", "--json").json["experiments"] == []
    ws.mltrack("exp", "show", "--csv")
