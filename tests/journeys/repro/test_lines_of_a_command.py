"""A command of several lines stops at its first failing line, and is one shell in
everything else.
"""

import pytest

from tests.support.workspace import Workspace


def run(ws: Workspace, text: str, more: str = "") -> tuple[int, str]:
    """Runs a stage whose command is a block of lines; returns the exit code and what it
    wrote.
    """
    block = "".join(f"      {line}\n" for line in text.splitlines())
    ws.write("mltrack.yaml", f"stages:\n  s:\n    cmd: |\n{block}    outs: [o]\n{more}")
    code = ws.mltrack("repro", code=None).code
    return code, ws.read("o") if ws.exists("o") else ""


FAILS = {
    "the first line": "false\necho 1 > o",
    "a line in the middle": "echo 1 > o\nfalse\ntrue",
    "behind a here-document": "cat > o <<EOF\nfalse\nEOF\nfalse\ntrue",
    "inside a function": "f() {\n  false\n  echo 1 > o\n}\nf\ntrue",
    "inside a loop": "for i in 1 2; do\n  false\ndone\necho 1 > o",
    "inside parentheses": "(\n  false\n  true\n)\necho 1 > o",
    "in the branch that is taken": "if true; then\n  false\n  true\nfi\necho 1 > o",
    "behind a line that ends with &&": "true &&\nfalse\necho 1 > o",
    "the last line after set +e": "set +e\necho 1 > o\nfalse",
    "what a variable is taken from": "X=$(false)\necho 1 > o",
    "a continued line": "test a \\\n  = b\necho 1 > o",
    "the end of a pipe": "echo x | grep y\necho 1 > o",
    "a word that is no command": "no-such-command-anywhere\necho 1 > o",
    "behind a comment": "# it's a comment\nfalse # here\necho 1 > o",
}


@pytest.mark.parametrize("text", FAILS.values(), ids=FAILS.keys())
def test_a_command_stops_where_it_fails(ws: Workspace, text: str) -> None:
    assert run(ws, text)[0] == 8
    assert not ws.exists("mltrack.lock")
    assert ws.mltrack("status", "--check", code=4)


def test_what_stands_before_and_may_fail_as_in_every_shell_with_e(
    ws: Workspace,
) -> None:
    """``[ -d old ] && rm -r old`` is how people write it, and the rule is the one of
    make's and CI's shells.
    """
    assert run(ws, "[ -d old ] && rm -r old\necho 1 > o") == (0, "1\n")


def test_what_stands_behind_and_may_not_fail(ws: Workspace) -> None:
    assert run(ws, "true && false\necho 1 > o")[0] == 8


def test_a_last_line_that_fails_before_and_fails(ws: Workspace) -> None:
    assert run(ws, "echo 1 > o\ncd nowhere && echo 2 > o")[0] == 8


GOES_ON = {
    "a here-document": (
        "cat > o <<EOF\nfalse\n  x\nEOF\necho 2 >> o",
        "false\n  x\n2\n",
    ),
    "a quoted here-document": ("cat > o <<'EOF'\n$HOME \\\nEOF", "$HOME \\\n"),
    "continuations": ("echo 1 \\\n  2 \\\n  3 > o", "1 2 3\n"),
    "a condition": ("if test -f nothing\nthen\n  false\nelse\n  echo 1 > o\nfi", "1\n"),
    "a condition that is not met": ("if false; then\n  echo 0\nfi\necho 1 > o", "1\n"),
    "what is caught": ("f() {\n  return 1\n}\nf || true\nfalse || echo 1 > o", "1\n"),
    "set +e": ("set +e\nfalse\necho 1 > o", "1\n"),
    "a negation": ("! true\necho 1 > o", "1\n"),
    "comments and blanks": (
        "# it's (a comment\n\nfalse || true # fine\n\n# the end\necho 1 > o",
        "1\n",
    ),
    "variables and directories": ("X=5\nmkdir -p sub\ncd sub\necho $X > ../o", "5\n"),
    "an early end": ("echo 1 > o\nexit 0\nfalse", "1\n"),
    "a loop over lines": (
        'printf "1\\n2\\n" | while read x; do\n  echo $x >> o\ndone',
        "1\n2\n",
    ),
    "several lines in quotes": ("echo 'false\nfalse' > o", "false\nfalse\n"),
    "a trap": ('trap "echo 2 >> o" EXIT\necho 1 > o', "1\n2\n"),
}


@pytest.mark.parametrize(("text", "written"), GOES_ON.values(), ids=GOES_ON.keys())
def test_a_command_is_one_shell(ws: Workspace, text: str, written: str) -> None:
    assert run(ws, text) == (0, written)
    ws.mltrack("status", "--check")


@pytest.mark.parametrize(
    "text",
    [
        'stages:\n  s: {cmd: "false\\necho 1 > o", outs: [o]}\n',
        "stages:\n  s:\n    cmd: >\n      false\n\n      echo 1 > o\n    outs: [o]\n",
        "stages:\r\n  s:\r\n    cmd: |\r\n      false\r\n      echo 1 > o\r\n    outs: [o]\r\n",
        "stages:\n  s:\n    cmd:\n      - |\n        false\n        true\n      - echo 1 > o\n    outs: [o]\n",
        "stages:\n  s:\n    cmd:\n      - echo 1 > o\n      - |\n        false\n        true\n    outs: [o]\n",
        "stages:\n  s:\n    sandbox: true\n    cmd: |\n      false\n      echo 1 > o\n    outs: [o]\n",
        "vars: [{v: \"false\\necho 1 > o\"}]\nstages:\n  s: {cmd: '${v}', outs: [o]}\n",
    ],
    ids=[
        "escaped",
        "folded",
        "CRLF",
        "first of a list",
        "last of a list",
        "sandbox",
        "from a value",
    ],
)
def test_however_the_lines_are_written(ws: Workspace, text: str) -> None:
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro", code=8)
    assert not ws.exists("mltrack.lock")


def test_lines_with_crlf_are_lines(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\r\n  s:\r\n    cmd: |\r\n      true\r\n      echo 1 > o\r\n    outs: [o]\r\n",
    )
    ws.mltrack("repro")
    assert ws.read("o") == "1\n"


def test_a_run_with_another_param_stops_too(ws: Workspace) -> None:
    ws.write("params.yaml", "v: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: |\n      test ${v} = 1\n      echo ${v} > o\n    outs: [o]\n",
    )
    ws.mltrack("repro", "--set", "v=2", code=8)
    ws.mltrack("repro")
    assert ws.read("o") == "1\n"


def test_another_shell_stops_too(ws: Workspace) -> None:
    ws.mltrack("config", "--local", "core.shell", "/bin/bash")
    assert run(ws, "false\necho 1 > o")[0] == 8
    assert run(ws, "x=(1 2)\necho ${x[1]} > o".replace("${", "\\${")) == (0, "2\n")


def test_stage_add_keeps_options_of_the_command_that_look_like_ours(
    ws: Workspace,
) -> None:
    ws.mltrack("stage", "add", "-n", "t", "-o", "out", "python", "t.py", "-v", "-q")
    assert "cmd: python t.py -v -q" in ws.read("mltrack.yaml")
