"""Mappings and lists in a command become options and words, quoted, and what is null or
false is left out.
"""

import json

from tests.support.workspace import Workspace

OPTIONS = (
    "stages:\n  t: {cmd: 'python3 show.py ${t} > o', deps: [show.py], outs: [o]}\n"
)


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
