"""why tells what changed since the nearest earlier run, down to the file and the
value.
"""

from tests.support.workspace import Workspace


def test_why_names_the_file_inside_a_directory(ws: Workspace) -> None:
    ws.write("src/a.py", "1")
    ws.write("src/b.py", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: [src]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("src/b.py", "2")
    ws.write("src/c.py", "2")
    said = ws.mltrack("why", "s").out
    assert (
        "modified  src/b.py" in said
        and "added     src/c.py" in said
        and "src/a.py" not in said
    )


def test_why_compares_with_the_nearest_earlier_run(ws: Workspace) -> None:
    ws.write("params.yaml", "a: 1\nb: 1\nc: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: |\n      echo one\n      cat params.yaml > o\n    params: [a, b, c]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("params.yaml", "a: 2\nb: 2\nc: 2\n")
    ws.mltrack("repro")
    ws.write("params.yaml", "a: 1\nb: 1\nc: 3\n")
    said = ws.mltrack("why", "t").out
    nearest = said.partition("the nearest earlier run was on")[2]
    assert (
        "param params.yaml:c changed: 1 -> 3" in nearest and "a changed" not in nearest
    )
    ws.write("mltrack.yaml", ws.read("mltrack.yaml").replace("echo one", "echo two"))
    ws.write("params.yaml", "a: 2\nb: 2\nc: 2\n")
    assert "'echo one' -> 'echo two'" in ws.mltrack("why", "t").out
    (ws.path / "mltrack.lock").unlink()
    found = ws.mltrack("why", "t", "--json").json["stages"][0]
    assert [reason["cause"] for reason in found["nearest"]["reasons"]] == [
        "command-changed"
    ]


def test_why_tells_what_a_frozen_stage_is_behind_on(ws: Workspace) -> None:
    ws.write("i", "1")
    ws.write(
        "mltrack.yaml", "stages:\n  t:\n    cmd: cp i o\n    deps: [i]\n    outs: [o]\n"
    )
    ws.mltrack("repro")
    ws.mltrack("freeze", "t")
    ws.write("i", "2")
    said = ws.mltrack("why", "t").out
    assert "it is frozen" in said and "i changed" in said


def test_why_tells_values_apart_that_look_alike(ws: Workspace) -> None:
    ws.write("params.yaml", "a: 1\nb: {x: [1, 2]}\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    params: [a, b]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("params.yaml", "a: '1'\nb: {x: [1, 3]}\n")
    said = ws.mltrack("why", "s").out
    assert 'changed: 1 -> "1"' in said and "changed: x[1]: 2 -> 3" in said
