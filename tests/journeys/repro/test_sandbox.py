"""A stage alone in a sandbox, and run twice: what it declares is all that it has, and
it makes the same again.
"""

import os
import sys

import pytest

from mltrack.runners.sandbox import can_bind
from tests.support.workspace import Workspace

with_bwrap = pytest.mark.skipif(
    not can_bind(), reason="bubblewrap is not installed, or may not work here"
)


@pytest.mark.parametrize(
    "with_bubblewrap", [pytest.param(True, marks=with_bwrap), False]
)
def test_a_sandbox_holds_the_declared_inputs_and_nothing_else(
    with_bubblewrap: bool, ws: Workspace
) -> None:
    ws.write("in.txt", "1")
    ws.write("extra.txt", "2")
    ws.write("tool.py", "X = 1\n")
    ws.write(
        "hooked.py",
        "import sys\nsys.excepthook = lambda kind, error, _: print(kind.__name__, error)\nimport tool\n",
    )
    path = ws.environment["PATH"]
    if not with_bubblewrap:
        tools = ws.path.parent / "tools"
        tools.mkdir()
        for name in ("sh", "cat", "git", "ls", "python3"):
            found = next(
                p for d in path.split(":") if os.path.exists(p := f"{d}/{name}")
            )
            (tools / name).symlink_to(found)
        path = str(tools)
    stage = "stages:\n  t:\n    cmd: cat in.txt {extra} > o && ls > seen\n    deps: [in.txt]\n    outs: [o, seen]\n    sandbox: true\n"
    ws.write("mltrack.yaml", stage.format(extra=""))
    ws.mltrack("repro", PATH=path)
    assert ws.read("o") == "1" and set(ws.read("seen").split()) <= {
        "in.txt",
        "o",
        "seen",
    }
    ws.write("mltrack.yaml", stage.format(extra="extra.txt"))
    said = ws.mltrack("repro", PATH=path, code=8).err
    assert "in its sandbox it looked for extra.txt, which it does not declare" in said
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: {sys.executable} hooked.py\n    deps: [hooked.py]\n    sandbox: true\n",
    )
    assert "looked for tool.py" in ws.mltrack("repro", PATH=path, code=8).err
    assert not list((ws.path / ".mltrack/tmp").glob("*mlt-*"))


def test_running_twice_finds_what_is_not_deterministic(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  same:\n    cmd: echo 1 > a\n    outs: [a]\n"
        "  rand:\n    cmd: mkdir d && cat a > d/x && date +%N > d/y\n    deps: [a]\n    outs: [d]\n",
    )
    done = ws.mltrack("repro", "--twice", "same", "rand", code=4)
    assert (
        "the same   a  (same)" in done.out
        and "DIFFERENT  d  (rand)\n             y\n" in done.out
    )
    assert ws.mltrack("repro", "--twice", "same").code == 0
    assert (
        "3 unchanged" not in ws.mltrack("repro").out
        and "2 unchanged" in ws.mltrack("repro").out
    )
