"""Outputs of a host that cannot hash: named and read as they are, and nothing beside
them.
"""

import os
from pathlib import Path

import pytest

from mltrack.runners.worker.attempts import Attempt
from mltrack.runners.worker.raw import list_raw, read_raw


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    made = Attempt("ab" * 16, 1, str(tmp_path / "1"))
    work = Path(made.work)
    (work / "d/sub/empty").mkdir(parents=True)
    (work / "d/b").write_bytes(b"0123456789")
    (work / "d/sub/run").write_text("x")
    (work / "d/sub/run").chmod(0o755)
    (work / "d/link").symlink_to("sub")
    (work / "file").write_text("xyz")
    (work / "out").symlink_to("d")
    (tmp_path / "1/secret").write_text("secret")
    return made


def test_each_directory_comes_before_what_it_holds(attempt: Attempt) -> None:
    rows = list_raw(attempt, "d")
    assert rows[0] == ["", "tree", 0, ""]
    assert sorted(rows) == [
        ["", "tree", 0, ""],
        ["b", "file", 10, ""],
        ["link", "symlink", 0, "sub"],
        ["sub", "tree", 0, ""],
        ["sub/empty", "tree", 0, ""],
        ["sub/run", "exec", 1, ""],
    ]
    names = [row[0] for row in rows]
    for name in names[1:]:
        assert names.index(os.path.dirname(name)) < names.index(name)


def test_a_file_and_a_link_are_rows_of_their_own(attempt: Attempt) -> None:
    assert list_raw(attempt, "file") == [["", "file", 3, ""]]
    assert list_raw(attempt, "out") == [["", "symlink", 0, "d"]]
    with pytest.raises(FileNotFoundError):
        list_raw(attempt, "away")


def test_pieces_of_files_are_read(attempt: Attempt) -> None:
    assert read_raw(attempt, "d", "b", 0, 4) == b"0123"
    assert read_raw(attempt, "d", "b", 4, 100) == b"456789"
    assert read_raw(attempt, "d", "b", 10, 1) == b""
    assert read_raw(attempt, "file", "", 0, 100) == b"xyz"


@pytest.mark.parametrize(
    ("output", "inner"),
    [
        ("..", "secret"),
        ("../secret", ""),
        ("d", "../../secret"),
        ("/etc", "passwd"),
        ("d", "/etc/passwd"),
        ("", ""),
        ("d", ".."),
        ("../work2", ""),
    ],
)
def test_no_path_leads_out(attempt: Attempt, output: str, inner: str) -> None:
    with pytest.raises(ValueError, match="leads out of the work directory"):
        read_raw(attempt, output, inner, 0, 10)
    if not inner:
        with pytest.raises(ValueError, match="leads out of the work directory"):
            list_raw(attempt, output)
