"""Values are what was typed or written: text stays text, NaN is read and compared,
names do not collide.
"""

import json
from typing import Any

import pytest

from mltrack.formats import yaml
from tests.support.workspace import Workspace

SHOW = "stages:\n  t: {cmd: 'cp params.yaml o', params: [v], outs: [o]}\n"
OPTIONS = (
    "stages:\n  t: {cmd: 'python3 show.py ${t} > o', deps: [show.py], outs: [o]}\n"
)


def strict(text: str) -> Any:
    """Reads JSON as everybody else does: without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    "texts",
    [
        ["#ff0000", "a #b", "&x", "*x", "!tag", "%d", "@at", "`tick`"],
        ["a: b", "- a", "? x", "|", ">", "x:", "a\tb", " lead", "trail "],
        [
            "=",
            "a=b",
            "~user",
            "ü",
            "\\n",
            "1_000",
            "0b1",
            "1:30",
            "2020-01-01",
            "yes",
            "Null0",
            "it's",
            "$HOME",
            "-x",
        ],
    ],
    ids=["marks", "structure", "lookalikes"],
)
def test_text_that_is_no_value_is_set_as_it_was_typed(
    ws: Workspace, texts: list[str]
) -> None:
    names = [f"v{number}" for number in range(len(texts))]
    for file in ("params.yaml", "params.json"):
        ws.write(file, json.dumps(dict.fromkeys(names, "red")))
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t: {{cmd: 'cp params.yaml o; cp params.json p', outs: [o, p], "
        f"params: [{{params.yaml: [{', '.join(names)}]}}, {{params.json: [{', '.join(names)}]}}]}}\n",
    )
    given = [
        f"{file}:{name}={text}"
        for file in ("params.yaml", "params.json")
        for name, text in zip(names, texts, strict=True)
    ]
    ws.mltrack("repro", *(word for item in given for word in ("--set", item)))
    assert yaml.load(ws.read("o"), "o") == dict(zip(names, texts, strict=True))
    assert json.loads(ws.read("p")) == dict(zip(names, texts, strict=True))


@pytest.mark.parametrize("text", ["'", '"', "[a", "{a", '"a" b'])
def test_what_begins_like_a_value_and_is_none_is_refused(
    ws: Workspace, text: str
) -> None:
    ws.write("params.yaml", "v: red\n")
    ws.write("mltrack.yaml", SHOW)
    ws.mltrack("repro", "--set", f"v={text}", code=2)
    assert not ws.exists("o")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e-4", 1e-4),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("'1'", "1"),
        ("{a: b}", {"a": "b"}),
    ],
)
def test_values_are_set_as_values(ws: Workspace, text: str, value: object) -> None:
    ws.write("params.yaml", "v: 5\n")
    ws.write("mltrack.yaml", SHOW)
    ws.mltrack("repro", "--set", f"v={text}")
    assert yaml.load(ws.read("o"), "o") == {"v": value}


@pytest.mark.parametrize(
    "name", ["l[0]", "l[1].x", "l[2][1]", '"a.b"', "a.b", 'g."l[0]".x']
)
def test_a_param_is_set_by_the_name_that_is_shown(ws: Workspace, name: str) -> None:
    ws.write(
        "params.yaml",
        "l: [1, {x: 2}, [3, 4]]\n'a.b': 5\na: {b: 6}\ng: {'l[0]': {x: 7}}\n",
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  t: {cmd: 'cp params.yaml o', params: [{params.yaml: null}], outs: [o]}\n",
    )
    shown = {
        item["name"]: item["new"]
        for item in ws.mltrack("params", "diff", "--json").json["params"]
    }
    assert shown.pop(name) is not None
    ws.mltrack("repro", "--set", f"{name}=77")
    ws.write("params.yaml", ws.read("o"))
    after = {
        item["name"]: item["new"]
        for item in ws.mltrack("params", "diff", "--json").json["params"]
    }
    assert after.pop(name) == 77
    assert after == shown


def test_no_param_is_made_where_a_list_or_a_mapping_ends(ws: Workspace) -> None:
    ws.write("params.yaml", "l: [1]\na: {b: 6}\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t: {cmd: 'cp params.yaml o', params: [l, a], outs: [o]}\n",
    )
    for name in ("l[1]", "l[-1]", "l[0", "l[0].x", "a[0]", "a.b.c"):
        assert ws.mltrack("repro", "--set", f"{name}=1", code=None).code in (1, 2), name
    assert not ws.exists("o")


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
    ws.commit()
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


def options(ws: Workspace, text: str) -> list[str]:
    ws.write("show.py", "import json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    ws.write("params.yaml", text)
    ws.write("mltrack.yaml", OPTIONS)
    ws.mltrack("repro")
    found: list[str] = json.loads(ws.read("o"))
    return found


def test_keys_of_a_mapping_of_options_are_quoted_like_its_values(ws: Workspace) -> None:
    hard = [
        "sp ace",
        "it's",
        "semi;touch PWNED",
        "$(touch PWNED)",
        "`touch PWNED`",
        "a&b",
        'd"q',
        "back\\slash",
        "*",
    ]
    given = options(
        ws,
        "t: " + json.dumps(dict.fromkeys(hard, "$(touch PWNED)") | {"multi": "a\nb"}),
    )
    assert given == [
        word for key in hard for word in (f"--{key}", "$(touch PWNED)")
    ] + ["--multi", "a\nb"]
    assert not ws.exists("PWNED")


def test_null_and_false_are_left_out_of_options(ws: Workspace) -> None:
    assert options(
        ws,
        "t: {a: null, b: false, c: true, d: {e: null, f: 2}, g: '', h: 0, i: 1e-7, j: -0.0}\n",
    ) == [
        "--c",
        "--d.f",
        "2",
        "--g",
        "",
        "--h",
        "0",
        "--i",
        "1e-07",
        "--j",
        "-0.0",
    ]


def test_a_list_becomes_words_that_are_quoted(ws: Workspace) -> None:
    assert options(ws, "t: ['a b', 'x;y', '$(touch PWNED)', 1.0, true, '']\n") == [
        "a b",
        "x;y",
        "$(touch PWNED)",
        "1.0",
        "true",
        "",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.0", "-0.0"), ("0", "0.0"), ("1", "true"), ("1", "'1'"), ("1.0", "1")],
)
def test_a_value_of_another_sign_or_type_is_another_value(
    ws: Workspace, old: str, new: str
) -> None:
    ws.write("params.yaml", f"v: {old}\n")
    ws.write("mltrack.yaml", SHOW)
    ws.mltrack("repro")
    ws.write("params.yaml", f"v: {new}\n")
    ws.mltrack("repro")
    assert ws.read("o") == f"v: {new}\n"
    ws.write("params.yaml", f"v: {old}\n")
    ws.mltrack("repro")
    assert ws.read("o") == f"v: {old}\n"


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
