"""Numbers: NaN and the infinities are read and compared, zeros have signs, names do not
collide.
"""

import json
from typing import Any

import pytest

from tests.support.workspace import Workspace


def strict(text: str) -> Any:
    """Reads JSON as everybody else does: without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_none_are_read_shown_and_equal_to_themselves(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", "metrics: [m.json, m.yaml, m.toml]\n")
    ws.write(
        "m.json",
        '{"n": NaN, "p": Infinity, "m": -Infinity, "l": [NaN, 1], "d": {"e": NaN}}',
    )
    ws.write("m.yaml", "n: .nan\np: .inf\nm: -.inf\nt: 'nan'\n")
    ws.write("m.toml", "n = nan\n")
    ws.write("params.yaml", "n: .nan\np: .inf\n")
    ws.commit()
    params = ws.mltrack("params", "show").out.split()
    assert params[3:] == ["params.yaml", "n", "nan", "params.yaml", "p", "inf"]
    shown = strict(ws.mltrack("metrics", "show", "--json").out)["metrics"]
    assert shown["m.json"] == {
        "n": "NaN",
        "p": "Infinity",
        "m": "-Infinity",
        "l[0]": "NaN",
        "l[1]": 1,
        "d.e": "NaN",
    }
    assert shown["m.yaml"] == {
        "n": "NaN",
        "p": "Infinity",
        "m": "-Infinity",
        "t": "nan",
    }
    ws.write(
        "m.json",
        '{"n": NaN, "p": Infinity, "m": Infinity, "l": [NaN, 2], "d": {"e": 1}}',
    )
    ws.write("m.yaml", "n: .nan\np: +.inf\nm: -.inf\nt: .nan\n")
    changed = strict(ws.mltrack("metrics", "diff", "--json").out)["metrics"]
    assert [(item["file"], item["name"]) for item in changed] == [
        ("m.json", "d.e"),
        ("m.json", "l[1]"),
        ("m.json", "m"),
        ("m.yaml", "t"),
    ]


@pytest.mark.parametrize("word", [".NaN", ".NAN", ".Inf", ".INF", "-.Inf", "+.INF"])
def test_every_spelling_of_yaml_counts(ws: Workspace, word: str) -> None:
    ws.write("mltrack.yaml", "metrics: [m.yaml]\n")
    ws.write("m.yaml", f"v: {word}\n")
    (value,) = strict(ws.mltrack("metrics", "show", "--json").out)["metrics"][
        "m.yaml"
    ].values()
    assert value in ("NaN", "Infinity", "-Infinity")


def test_points_of_a_plot_that_are_no_numbers_leave_a_gap(ws: Workspace) -> None:
    ws.write("p.csv", "step,y\n1,nan\n2,NaN\n3,-inf\n4,0.5\n")
    ws.write(
        "p.json",
        '[{"step": 1, "y": NaN}, {"step": 2, "y": Infinity}, {"step": 3, "y": 1.5}]',
    )
    ws.write(
        "mltrack.yaml", "plots: [{p.csv: {x: step, y: y}}, {p.json: {x: step, y: y}}]\n"
    )
    drawn = strict(ws.mltrack("plots", "show", "--json").out)["plots"]
    values = [[row["y"] for row in plot["spec"]["data"]["values"]] for plot in drawn]
    assert values == [[None, None, None, 0.5], [None, None, 1.5]]


def test_names_with_dots_do_not_collide(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "metrics: [m.json]\n")
    ws.write(
        "m.json",
        '{"a.b": 1, "a": {"b": 2, "c.d": {"e": 5}}, "l": [1, {"x": 2}], "l[0]": 9, "": 3, "q\\"x": 4}',
    )
    shown = ws.mltrack("metrics", "show", "--json").json["metrics"]["m.json"]
    assert sorted(shown.values()) == [1, 1, 2, 2, 3, 4, 5, 9]
    ws.commit()
    ws.write(
        "m.json",
        '{"a.b": 7, "a": {"b": 2, "c.d": {"e": 5}}, "l": [1, {"x": 2}], "l[0]": 9, "": 3, "q\\"x": 4}',
    )
    (only,) = ws.mltrack("metrics", "diff", "--json").json["metrics"]
    assert (only["old"], only["new"]) == (1, 7)


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [("0.0", "-0.0", True), ("1", "1.0", False), (".nan", ".nan", False)],
)
def test_zeros_of_two_signs_are_two_metrics(
    ws: Workspace, old: str, new: str, differs: bool
) -> None:
    ws.write("mltrack.yaml", "metrics: [m.yaml]\n")
    ws.write("m.yaml", f"m: {old}\n")
    ws.commit()
    ws.write("m.yaml", f"m: {new}\n")
    assert bool(ws.mltrack("metrics", "diff", "--json").json["metrics"]) == differs
