"""repro --interactive asks about each stage that would run."""

import os
import pty
import subprocess
import sys

import pytest

from tests.support.workspace import Workspace

PIPELINE = """stages:
  a: {cmd: cp in a1, deps: [in], outs: [a1]}
  b: {cmd: cp a1 b1, deps: [a1], outs: [b1]}
  c: {cmd: cp in c1, deps: [in], outs: [c1]}
"""


@pytest.fixture
def stages(ws: Workspace) -> Workspace:
    ws.write("in", "1\n")
    ws.write("mltrack.yaml", PIPELINE)
    return ws


def answered(ws: Workspace, answers: str, *arguments: str) -> tuple[int, str]:
    """Runs repro -i on a terminal of its own, with these lines typed there."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mltrack", "repro", "-i", *arguments],
            cwd=ws.path,
            env=ws.environment,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def written(ws: Workspace) -> set[str]:
    return {name for name in ("a1", "b1", "c1") if ws.exists(name)}


def test_each_stage_is_run_or_skipped_as_answered(stages: Workspace) -> None:
    code, said = answered(stages, "r\ns\ny\n")
    assert code == 0 and said.count("[s]kip") == 3
    assert "run a" in said and "never ran" in said
    # asked in the order in which they can run: a, c, b
    assert written(stages) == {"a1", "b1"}


def test_what_needs_a_skipped_stage_is_left_out_with_it(stages: Workspace) -> None:
    code, said = answered(stages, "s\nr\nr\n")
    assert code == 0, said
    assert written(stages) == {"c1"}


def test_a_stage_that_would_only_follow_a_skipped_one_is_not_asked_about(
    stages: Workspace,
) -> None:
    stages.mltrack("repro")
    stages.write("in", "2\n")
    code, said = answered(stages, "s\nr\n")
    assert code == 0 and said.count("[s]kip") == 2
    assert stages.read("c1") == "2\n" and stages.read("b1") == "1\n"


def test_all_runs_what_follows_and_quit_runs_nothing(stages: Workspace) -> None:
    code, said = answered(stages, "what\nq\n")
    assert code == 0 and "Nothing was run." in said and said.count("[s]kip") == 2
    assert written(stages) == set()
    answered(stages, "a\n")
    assert written(stages) == {"a1", "b1", "c1"}


def test_without_a_terminal_it_is_refused(stages: Workspace) -> None:
    done = stages.mltrack("repro", "--interactive", code=2)
    assert "--interactive needs a terminal" in done.err and "--dry-run" in done.err
    done = stages.mltrack("repro", "-i", "--dry-run", code=2)
    assert "--interactive and --dry-run exclude each other" in done.err
    assert written(stages) == set()
