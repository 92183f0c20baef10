"""A search for the best params, by a sampler of Optuna's."""

import json

import pytest

from tests.support.workspace import Workspace

SEARCH = (
    "exp",
    "run",
    "--sampler",
    "optuna",
    "-S",
    "x=uniform(-5,5)",
    "-S",
    "k=randint(1,4)",
)


@pytest.fixture
def valley(ws: Workspace) -> Workspace:
    """A project whose loss is smallest at x = 2."""
    ws.write("params.yaml", "x: 0.0\nk: 1\n")
    ws.write(
        "valley.py",
        "import json, re\n"
        "text = open('params.yaml').read()\n"
        "x, k = (float(re.search(rf'{n}: (\\S+)', text)[1]) for n in 'xk')\n"
        "json.dump({'loss': (x - 2) ** 2 + k}, open('m.json', 'w'))\n",
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  valley:\n    cmd: python valley.py\n    deps: [valley.py]\n"
        "    params: [x, k]\n    metrics: [m.json: {cache: false}]\n",
    )
    ws.commit("a valley")
    return ws


def trials(ws: Workspace) -> list[dict[str, float]]:
    found = json.loads(ws.mltrack("exp", "show", "--json").out)["experiments"]
    return [one["given"]["params.yaml"] for one in found]


def test_a_search_goes_on_where_it_was_interrupted(valley: Workspace) -> None:
    pytest.importorskip("optuna")
    valley.mltrack(*SEARCH, "--trials", "4", "--minimize", "m.json:loss", "--seed", "3")
    first = trials(valley)
    assert len(first) == 4
    said = valley.mltrack(
        *SEARCH, "--trials", "9", "--minimize", "m.json:loss", "--seed", "3"
    ).said
    # five more, none of them one of the first
    assert "5 trials, 5 with loss" in said
    every = trials(valley)
    assert len(every) == 9
    assert len({json.dumps(one, sort_keys=True) for one in every}) == 9
    assert all(-5 <= one["x"] <= 5 and one["k"] in (1, 2, 3) for one in every)
    best = min(every, key=lambda one: (one["x"] - 2) ** 2 + one["k"])
    assert f"x={best['x']}" in said.partition("best: ")[2]


def test_a_goal_that_no_experiment_has_ends_the_search_at_once(
    valley: Workspace,
) -> None:
    pytest.importorskip("optuna")
    done = valley.mltrack(*SEARCH, "--trials", "9", "--maximize", "metrics.los", code=2)
    assert "no metric is called 'los'" in done.err
    assert "did you mean 'loss'?" in done.err
    assert len(trials(valley)) == 1


def test_a_search_in_other_code_is_another_search(valley: Workspace) -> None:
    pytest.importorskip("optuna")
    goal = ("--trials", "2", "--minimize", "loss")
    assert "2 trials" in valley.mltrack(*SEARCH, *goal).said
    assert "0 trials" in valley.mltrack(*SEARCH, *goal).said
    valley.write("valley.py", valley.read("valley.py").replace("+ k", "+ 100 * k"))
    assert "2 trials" in valley.mltrack(*SEARCH, *goal).said
    # by its name it is the same, whatever changed
    named = (*goal, "--study", "all")
    assert "2 trials" in valley.mltrack(*SEARCH, *named).said
    valley.write("valley.py", valley.read("valley.py") + "\n")
    assert "0 trials" in valley.mltrack(*SEARCH, *named).said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--trials", "2"), "needs a goal"),
        (("--minimize", "loss", "--maximize", "loss"), "needs a goal"),
        (("--minimize", ":"), "names no metric"),
    ],
)
def test_a_search_without_one_goal_is_refused(
    valley: Workspace, options: tuple[str, ...], words: str
) -> None:
    assert words in valley.mltrack(*SEARCH, *options, code=2).err
    assert valley.mltrack("exp", "show").out == "There are no experiments.\n"
