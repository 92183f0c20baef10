"""A clone brings files, and files only: nothing of it is taken for mltrack's own state,
nothing of it leads elsewhere.
"""

import os
from pathlib import Path

import pytest

from mltrack.formats import run_record
from mltrack.formats.run_record import Fact, RunRecord
from mltrack.objects.digest import XXH3
from mltrack.pipeline.stage import Entry
from tests.support.workspace import Workspace


@pytest.mark.parametrize(
    "path",
    [
        "journal/1-1.journal",
        "trash/1.json",
        "index/parsed/x.json",
        "config.local.toml",
        "cache/packs/x",
        "last/x",
    ],
)
def test_state_that_a_commit_brings_is_refused(
    path: str, ws: Workspace, tmp_path: Path
) -> None:
    ws.write(f".mltrack/{path}", "x")
    ws.git("add", "--force", f".mltrack/{path}")
    ws.commit()
    ws.git("clone", "--quiet", str(ws.path), str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone", ws.environment)
    for command in (("status",), ("repro",), ("undo",), ("checkout",), ("config",)):
        assert f"git tracks .mltrack/{path}" in clone.mltrack(*command, code=1).err


def test_links_that_a_commit_brings_in_place_of_state_are_refused(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (ws.path / ".mltrack/cache").symlink_to(tmp_path / "outside")
    ws.git("add", "--force", ".mltrack/cache")
    ws.commit()
    ws.write("f", "x")
    ws.mltrack("add", "f", code=1)
    assert os.listdir(tmp_path / "outside") == []


RECORD = RunRecord(
    "ab" * 16, "s", Entry(("x",), "/bin/sh", "", {}, {}, {}, None, None, {}, {})
)


def test_a_journal_cannot_name_a_file_that_is_no_lock(
    ws: Workspace, tmp_path: Path
) -> None:
    for target in (str(tmp_path / "x"), "../x", ".git/hooks/post-commit", "README"):
        line = run_record.journal_line(Fact(target, "", "s", RECORD), XXH3)
        ws.write(".mltrack/journal/1-999999.journal", line)
        ws.mltrack("status", code=1)
        assert not (tmp_path / "x").exists()
