"""Who uses a cache: every project that ever opened it is named, or nobody can be
told.
"""

import errno
from pathlib import Path
from unittest import mock

import pytest

from mltrack.errors import WorkspaceError
from mltrack.store.local import users
from tests.support.objects import flip


def project(tmp_path: Path, name: str) -> str:
    state = tmp_path / name / ".mltrack"
    state.mkdir(parents=True)
    return str(state)


def test_each_project_is_named_to_the_others_once(tmp_path: Path) -> None:
    cache = str(tmp_path / "shared")
    one, two = project(tmp_path, "one"), project(tmp_path, "two")
    assert users.others(cache, one) == []
    for _ in range(2):
        users.mark(cache, one)
        users.mark(cache, two)
    assert users.others(cache, one) == [two] and users.others(cache, two) == [one]
    assert sorted(users.others(cache, project(tmp_path, "three"))) == [one, two]


def test_a_name_is_any_bytes(tmp_path: Path) -> None:
    odd = str(tmp_path / "odd \udcff\nname" / ".mltrack")
    users.mark(str(tmp_path / "cache"), odd)
    assert users.others(str(tmp_path / "cache"), "") == [odd]


def test_the_project_in_whose_directory_it_stands_needs_no_mark(
    tmp_path: Path,
) -> None:
    owner, other = project(tmp_path, "owner"), project(tmp_path, "other")
    cache = f"{owner}/cache"
    Path(cache).mkdir()
    assert users.is_own(cache, owner) and users.others(cache, owner) == []
    assert not users.is_own(cache, other) and users.others(cache, other) == [owner]


def test_one_project_reached_by_a_link_is_one(tmp_path: Path) -> None:
    owner = project(tmp_path, "owner")
    (tmp_path / "link").symlink_to("owner")
    Path(owner, "cache").mkdir()
    cache = str(tmp_path / "link/.mltrack/cache")
    assert users.is_own(cache, owner)
    users.mark(cache, str(tmp_path / "link/.mltrack"))
    assert users.others(cache, owner) == []


def test_a_cache_that_a_link_leads_to_is_not_the_projects_own(tmp_path: Path) -> None:
    owner, other = project(tmp_path, "owner"), project(tmp_path, "other")
    Path(owner, "cache").mkdir()
    Path(other, "cache").symlink_to(Path(owner, "cache"))
    assert not users.is_own(f"{other}/cache", other)
    assert users.others(f"{other}/cache", other) == [owner]


@pytest.mark.parametrize("harm", ["changed", "a directory", "too long", "fault"])
def test_a_mark_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    cache = tmp_path / "cache"
    users.mark(str(cache), project(tmp_path, "one"))
    [mark] = (cache / "users").iterdir()
    if harm == "changed":
        flip(mark, -1)
    elif harm == "fault":
        fault = mock.Mock(side_effect=OSError(errno.EIO, "Input/output error"))
        monkeypatch.setattr(users, "read_bounded", fault)
    elif harm == "too long":
        mark.write_bytes(bytes(1 << 17))
    else:
        mark.unlink()
        mark.mkdir()
    with pytest.raises(WorkspaceError, match="who uses the cache is not known"):
        users.others(str(cache), project(tmp_path, "two"))
