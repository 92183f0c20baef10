"""Mistakes on the command line: one clear error with a hint, the right exit code,
nothing changed.
"""

from pathlib import Path

from tests.support.refusal import refused
from tests.support.workspace import Workspace


def test_outside_a_repository_and_outside_a_project(
    bare: Workspace, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere", bare.environment)
    elsewhere.path.mkdir()
    refused(elsewhere, "status", says="not in a git repository", hint="hint: git init")
    refused(elsewhere, "init", says="not in a git repository", hint="hint: git init")
    refused(bare, "status", says="not in an mltrack project", hint="hint: mltrack init")


def test_unknown_commands_targets_and_options(ws: Workspace) -> None:
    refused(ws, "statsu", code=2, says="statsu", hint="mltrack status")
    refused(ws, "add", "nosuch", code=2, says="nosuch", hint="")
    refused(ws, "checkout", "nosuch", code=2, says="nosuch")
    refused(ws, "push", code=2, says="no remote")
    refused(ws, "add", "../outside", code=2, says="outside the project", hint="")
    refused(ws, "diff", "nosuchrev", says="nosuchrev")
    refused(ws, "config", "core.remot", says="core.remot", hint="core.remote")
    assert ws.mltrack("status", "--nosuch", code=2).err
    assert ws.mltrack("-C", "nowhere", "status", code=2).err


def test_typing_mistakes_name_the_nearest(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  train:\n    cmd: touch o\n    outs: [o]\n")
    assert "did you mean 'train'?" in ws.mltrack("repro", "trian", code=2).err
    assert "error: " in ws.mltrack("status", "--chek", code=2).err
    assert (
        "two revisions are two words: v1 v2" in ws.mltrack("diff", "v1..v2", code=1).err
    )
