"""A cache that several users write."""

import grp
import os
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_cache_is_shared_by_a_group_whatever_the_umask(
    ws: Workspace, tmp_path: Path
) -> None:
    group = grp.getgrgid(65534).gr_name
    place = tmp_path / "cache"
    ws.mltrack("cache", "share", "--group", group, "--dir", str(place))
    ws.write("data/file", "shared")
    ws.run(["sh", "-c", f"umask 077; {shutil.which('python')} -P -m mltrack add data"])
    for path in place.rglob("*"):
        state = path.stat()
        assert state.st_gid == 65534, path
        if path.is_dir():
            assert state.st_mode & 0o2070 == 0o2070, path
        elif path.suffix in (".pack", ".idx"):
            assert state.st_mode & 0o040, path
    ws.mltrack("cache", "share", "--group", "nosuchgroup", code=2)
