"""Values of params, written or set for one run: text stays text, and only what is
declared is reached.
"""

import json

import pytest

from mltrack.formats import yaml
from tests.support.steps import lock
from tests.support.workspace import Workspace


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


SHOW = "stages:\n  t: {cmd: 'cp params.yaml o', params: [v], outs: [o]}\n"


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


def test_a_set_of_a_param_that_a_stage_does_not_declare_does_not_reach_it(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "lr: 1\nother: 2\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp params.yaml out\n    params: [lr]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "--set", "other=99", "--set", "lr=5")
    assert ws.read("out").split() == ["lr:", "5", "other:", "2"]


def test_a_set_that_changes_what_a_foreach_declares_drops_nobody_from_the_lock(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "items: [a, b, c]\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    foreach: ${items}\n    do:\n      cmd: echo ${item} > ${item}.o\n      outs: ['${item}.o']\n",
    )
    ws.mltrack("repro")
    ws.mltrack("repro", "--set", "items=[a, d]")
    assert lock(ws).keys() == {"s@a", "s@b", "s@c", "s@d"}
    ws.mltrack("repro")
    assert lock(ws).keys() == {"s@a", "s@b", "s@c"}


def test_a_run_with_another_param_leaves_the_files_as_they_are(ws: Workspace) -> None:
    ws.write("params.yaml", "# keep me\nlr: 0.1\nother: {n: 1}\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: grep lr params.yaml > seen; echo ${lr} > o\n    params: [lr]\n    outs: [o, seen]\n"
        "  u:\n    cmd: cp o p\n    deps: [o]\n    outs: [p]\n",
    )
    ws.mltrack("repro")
    ws.mltrack("repro", "--set", "lr=0.5")
    assert ws.read("params.yaml") == "# keep me\nlr: 0.1\nother: {n: 1}\n"
    assert (ws.read("o"), ws.read("p"), ws.read("seen")) == (
        "0.5\n",
        "0.5\n",
        "lr: 0.5\n",
    )
    assert json.loads(ws.read("mltrack.lock"))["stages"]["t"]["params"] == {
        "params.yaml": {"lr": 0.5}
    }
    assert "lr changed: 0.5 -> 0.1" in ws.mltrack("why", "t").out
    assert "2 restored" in ws.mltrack("repro").out and ws.read("p") == "0.1\n"
    assert "it has: lr, other.n" in ws.mltrack("repro", "--set", "lx=1", code=1).err
    assert "sets nothing" in ws.mltrack("repro", "--set", "lr", code=2).err
