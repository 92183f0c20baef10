"""Who uses a cache is known whatever a process that was killed has left."""

from pathlib import Path

import pytest

from mltrack.disk.durable import temporary_path
from mltrack.errors import WorkspaceError
from mltrack.store.local import users


def test_a_mark_that_a_kill_left_half_written_stops_nobody(tmp_path: Path) -> None:
    users.mark(str(tmp_path), str(tmp_path / "project/.mltrack"))
    Path(temporary_path(str(tmp_path / users.DIRECTORY))).write_text("/half")
    found = users.others(str(tmp_path), str(tmp_path / "own/.mltrack"))
    assert found == [str(tmp_path / "project/.mltrack")]


def test_a_mark_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / users.DIRECTORY).mkdir()
    (tmp_path / users.DIRECTORY / "0123").write_text("/other")
    with pytest.raises(WorkspaceError, match="damaged"):
        users.others(str(tmp_path), str(tmp_path / "own/.mltrack"))
