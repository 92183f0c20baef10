"""Directories opened one below the other: the descriptor that comes back is the one of
the path that was asked for.
"""

import os
from pathlib import Path

import pytest

from mltrack.disk.beneath import Beneath
from mltrack.errors import WorkspaceError


def is_at(descriptor: int, place: Path) -> bool:
    return os.path.samestat(os.fstat(descriptor), place.stat())


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for path in ("a/b", "a/c", "d"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "a/file").write_text("x")
    (tmp_path / "link").symlink_to("a")
    return tmp_path


@pytest.mark.parametrize(
    "order", [["a/b", "a/b"], ["a/b", "", "a/b"], ["a/b", "a", "d", "a/c", "", "d"]]
)
def test_each_path_leads_to_its_directory(top: Path, order: list[str]) -> None:
    with Beneath(str(top)) as beneath:
        for path in order:
            assert is_at(beneath.directory(path.encode()), top / path), path


@pytest.mark.parametrize("bad", ["a/nothing", "a/file", "link", "a/b/nothing"])
def test_after_a_path_that_cannot_be_opened_the_others_still_do(
    top: Path, bad: str
) -> None:
    with Beneath(str(top)) as beneath:
        for path in ("a/b", "", "a", "d"):
            beneath.directory(b"a/b")
            with pytest.raises((WorkspaceError, FileNotFoundError)):
                beneath.directory(bad.encode())
            assert is_at(beneath.directory(path.encode()), top / path), path


def test_what_is_replaced_is_opened_anew_once_it_was_forgotten(top: Path) -> None:
    with Beneath(str(top)) as beneath:
        beneath.directory(b"a/b")
        beneath.forget()
        (top / "a/b").rmdir()
        (top / "a/b").mkdir()
        assert is_at(beneath.directory(b"a/b"), top / "a/b")
