"""A link, a pipe or an unreadable file in the place of tracked data hinders that target
only.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

WAYS: dict[str, Callable[[Path], None]] = {
    "a link": lambda path: path.symlink_to("/etc"),
    "a link to other data": lambda path: path.symlink_to("other"),
    "a broken link": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def replaced(shared: Workspace, request: pytest.FixtureRequest) -> Workspace:
    shared.write("d/a", "1\n")
    shared.write("other/a", "1\n")
    shared.mltrack("add", "d", "other")
    shared.commit("data")
    shared.write("other/a", "2\n")
    (shared.path / "d/a").unlink()
    (shared.path / "d").rmdir()
    request.param(shared.path / "d")
    return shared


def test_looking_goes_on_without_it(replaced: Workspace) -> None:
    status = replaced.mltrack("status")
    assert "unreadable d  ('d' is " in status.out and "modified  other/a" in status.out
    assert replaced.mltrack("status", "--json").json["clean"] is False
    diff = replaced.mltrack("diff", "HEAD", code=3)
    assert "modified  other/a" in diff.out and "'d' is " in diff.err


def test_recording_refuses_it_and_records_the_rest(replaced: Workspace) -> None:
    before = replaced.read("d.mlt")
    assert "'d' is " in replaced.mltrack("add", "d", "other", code=3).err
    assert replaced.read("d.mlt") == before
    replaced.mltrack("push")


def test_only_force_takes_its_place_and_keeps_it(replaced: Workspace) -> None:
    assert "'d' is " in replaced.mltrack("checkout", "d", code=1).err
    replaced.mltrack("checkout", "--force", "--dry-run", "d", code=None)
    assert not (replaced.path / "d").is_dir() or (replaced.path / "d").is_symlink()
    told = replaced.mltrack("checkout", "--force", "d").err
    assert replaced.read("d/a") == "1\n" and replaced.read("other/a") == "2\n"
    place = Path(told.partition("(")[2].rpartition(")")[0])
    assert os.path.lexists(place) and not place.is_file()


def test_names_that_are_no_utf_8_are_shown_byte_by_byte(ws: Workspace) -> None:
    name = os.fsdecode(b"latin-\xe4")
    ws.write("d/a", "1\n")
    os.mkfifo(ws.path / "d" / name)
    said = ws.mltrack("add", "d", code=1).err
    assert r"latin-\xe4" in said and "udce4" not in said
