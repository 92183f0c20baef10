"""What was last heard of remotes: from the copies of their indexes, without asking."""

from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import alone, encode
from mltrack.store.shared.hints import hinted, hinted_among, hinted_runs

ONE, TWO, THREE = (f"{number:02x}" * 16 for number in (1, 2, 3))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "index"


def copy(top: Path, remote: str, *hexes: str, supersedes: tuple[str, ...] = ()) -> str:
    """Puts the copy of an index there; returns its name."""
    data = encode([alone(one, 1) for one in hexes], XXH3, supersedes)
    name = XXH3.hex_of(data)
    place = top / "remotes" / remote
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.idx").write_bytes(data)
    return name


def known(top: Path) -> set[str]:
    return hinted_among(str(top), XXH3, [ONE, TWO, THREE])


def test_what_any_remote_was_seen_to_hold_is_known(top: Path) -> None:
    assert known(top) == set() and hinted(str(top), XXH3) == []
    copy(top, "a", ONE)
    copy(top, "b", THREE)
    assert known(top) == {ONE, THREE}
    assert hinted_among(str(top), XXH3, [TWO]) == set()
    assert len(hinted(str(top), XXH3)) == 2


def test_a_superseded_index_counts_no_more_at_its_own_remote(top: Path) -> None:
    old = copy(top, "a", ONE, TWO)
    copy(top, "b", TWO)
    copy(top, "a", ONE, supersedes=(old,))
    assert known(top) == {ONE, TWO}
    copy(top, "b", THREE, supersedes=(copy(top, "b", TWO),))
    assert known(top) == {ONE, THREE}


def test_copies_that_cannot_be_read_are_passed_over(top: Path) -> None:
    name = copy(top, "a", ONE)
    copy(top, "a", TWO)
    path = top / "remotes/a" / f"{name}.idx"
    for harm in (path.read_bytes()[:-1], b"", bytes(2000)):
        path.write_bytes(harm)
        assert known(top) == {TWO}
    path.unlink()
    path.mkdir()
    (top / "remotes/file").write_bytes(b"no directory")
    assert known(top) == {TWO}


def test_nothing_is_read_where_nothing_is_asked(top: Path) -> None:
    top.write_bytes(b"no directory at all")
    assert hinted_among(str(top), XXH3, []) == set()


def test_records_that_a_remote_was_seen_to_have_are_named(top: Path) -> None:
    (top / "remotes").mkdir(parents=True)
    (top / "remotes/a.runs").write_text("file1 r1 r2\nfile2\nfile3 r3\n")
    (top / "remotes/b.runs").write_text("file4 r1 r4\n")
    (top / "remotes/c.whole").write_text("x y\n")
    (top / "remotes/d.runs").mkdir()
    assert hinted_runs(str(top)) == {"r1", "r2", "r3", "r4"}
    assert hinted_runs(str(top / "nowhere")) == set()
