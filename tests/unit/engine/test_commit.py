"""Recording results: nothing is noted that was not saved, and what was noted can be
restored.
"""

import errno
import os
from pathlib import Path

import pytest

from mltrack import project as projects
from mltrack.engine.commit import Basis
from mltrack.errors import WorkspaceError
from mltrack.pipeline.stage import Inputs
from mltrack.verbs import repro
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session
from tests.support.workspace import Workspace


def run(path: Path) -> None:
    work = Repro(Session(projects.find(str(path))), ReproOptions())
    for _ in work.run(work.plan()):
        pass


def test_where_an_output_that_was_given_up_cannot_be_copied_nothing_is_recorded(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.mltrack("config", "--local", "cache.link", "hardlink")
    stage = "stages:\n  s:\n    cmd: {cmd}\n    outs: [{outs}]\n"
    ws.write("mltrack.yaml", stage.format(cmd="echo 1 > o; echo 1 > p", outs="o, p"))
    ws.mltrack("repro")
    before = ws.read("mltrack.lock")
    ws.write("mltrack.yaml", stage.format(cmd="echo 2 > o", outs="o"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(repro, "make_private", full)
        with pytest.raises(OSError, match="space"):
            run(ws.path)
    assert ws.read("mltrack.lock") == before
    assert "absent" not in ws.mltrack("fsck").said
    ws.mltrack("repro")
    assert "up to date" in ws.mltrack("status").out
    ws.mltrack("fsck")


def test_an_output_that_git_keeps_can_be_restored_after_its_repro_was_killed(
    ws: Workspace,
) -> None:
    text = (
        "stages:\n"
        "  a:\n    cmd: echo x >> ../count; echo 1 > m\n    outs: [m: {cache: false}]\n"
        "  b:\n    cmd: %s\n    deps: [m]\n    outs: [b]\n"
    )
    ws.write("mltrack.yaml", text % "kill -9 $PPID; sleep 5")
    ws.mltrack("repro", code=None)
    ws.write("mltrack.yaml", text % "cat m m > b")
    ws.mltrack("repro")
    (ws.path / "m").unlink()
    ws.mltrack("repro")
    assert ws.read("m") == "1\n"
    assert (ws.path.parent / "count").read_text() == "x\n"


def test_what_could_not_be_saved_is_told_with_its_own_cause_ever_after(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: echo 1 > o\n    outs: [o]\n")
    session = Session(projects.find(str(ws.path)))
    locks = session.view.lock_state
    assert locks is not None
    recorder = repro.committer(session, locks)
    ws.write("o", "1\n")
    [stage] = session.view.graph.stages.values()
    recorder.commit(stage, Basis(Inputs({}, {}, {}), "/bin/sh"))

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", ".gitignore")

    monkeypatch.setattr(type(recorder.lines), "follow", refused)
    with pytest.raises(PermissionError):
        recorder.settle()
    with pytest.raises(WorkspaceError, match=r"Permission denied: '\.gitignore'"):
        recorder.settle()
