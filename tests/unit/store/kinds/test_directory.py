"""A directory as a store: what is no file is absent, what is written is written whole,
and no name leads out of it.
"""

import errno
import os
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.disk import owner
from mltrack.errors import RemoteError
from mltrack.store.kinds import directory as module
from mltrack.store.kinds.directory import DirectoryRemote


@pytest.fixture
def store(tmp_path: Path) -> DirectoryRemote:
    return DirectoryRemote(str(tmp_path / "store"))


def names(store: DirectoryRemote, prefix: str = "") -> list[str]:
    return sorted(item.name for item in store.list(prefix))


def left_aside(store: DirectoryRemote) -> list[str]:
    return os.listdir(os.path.join(store.root, "tmp"))


@given(
    data=st.binary(max_size=60), offset=st.integers(0, 70), length=st.integers(0, 70)
)
def test_a_range_holds_what_it_should_and_ends_where_the_bytes_do(
    data: bytes, offset: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = DirectoryRemote(str(tmp_path_factory.mktemp("store")))
    store.put("a/b", data)
    assert store.get("a/b") == data and store.get("a/b", offset) == data[offset:]
    assert store.get("a/b", offset, length) == data[offset : offset + length]


def test_files_below_a_directory_are_listed_and_nothing_else(
    store: DirectoryRemote, tmp_path: Path
) -> None:
    for name in ("top", "a/one", "a/deep/two", "tmp/half", "b/tmp/three"):
        store.put(name, b"xyz")
    root = Path(store.root)
    (root / "a/link").symlink_to("one")
    (root / "linked").symlink_to(tmp_path)
    os.mkfifo(root / "a/pipe")
    (root / "empty").mkdir()
    assert names(store) == ["a/deep/two", "a/one", "b/tmp/three", "top"]
    assert names(store, "a") == names(store, "a/") == ["a/deep/two", "a/one"]
    assert names(store, "nowhere") == []
    assert {item.size for item in store.list("")} == {3}
    os.utime(root / "top", (5.0, 7.0))
    [item] = [item for item in store.list("") if item.name == "top"]
    assert item.modified == 7.0


@pytest.mark.parametrize("other", ["pipe", "directory", "link"])
def test_what_is_no_file_is_absent(
    store: DirectoryRemote, tmp_path: Path, other: str
) -> None:
    store.put("there", b"x")
    place = Path(store.root, "name")
    if other == "pipe":
        os.mkfifo(place)
    elif other == "directory":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    assert store.missing(["name", "there", "away"]) == {"name", "away"}
    for ask in (store.get, lambda name: store.fetch(name, str(tmp_path / "to"))):
        with pytest.raises((FileNotFoundError, RemoteError)):
            ask("name")
    assert not (tmp_path / "to").exists()


def test_a_name_is_read_only_unless_it_may_be_replaced(store: DirectoryRemote) -> None:
    store.put("fixed", b"1")
    store.put("fixed", b"2")
    store.put("changing", b"1", replace=True)
    modes = [os.stat(Path(store.root, name)).st_mode & 0o777 for name in names(store)]
    assert modes == [0o644, 0o444] and store.get("fixed") == b"2"


def test_of_two_who_create_a_name_the_first_one_does(store: DirectoryRemote) -> None:
    assert store.create("deep/name", b"first")
    assert not store.create("deep/name", b"second")
    assert store.get("deep/name") == b"first" and left_aside(store) == []


def test_files_go_there_and_come_back(store: DirectoryRemote, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "file").write_bytes(data)
    store.put_file("a/b", str(tmp_path / "file"))
    store.fetch("a/b", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data and left_aside(store) == []
    with pytest.raises(RemoteError, match="File exists"):
        store.fetch("a/b", str(tmp_path / "back"))
    store.delete(["a/b", "a/b", "away"])
    assert names(store) == []


@given(
    st.lists(
        st.sampled_from(["a", ".", "..", "...", "a..b", ""]), min_size=1, max_size=4
    ).map("/".join)
)
def test_no_name_leads_out_of_it(name: str) -> None:
    store = DirectoryRemote("/nowhere/store")
    for ask in (
        store.get,
        lambda one: store.put(one, b""),
        lambda one: store.create(one, b""),
        lambda one: store.delete([one]),
        lambda one: store.missing([one]),
    ):
        if name.startswith("/") or ".." in name.split("/"):
            with pytest.raises(RemoteError, match="not a name in a remote"):
                ask(name)
    if not (name.startswith("/") or ".." in name.split("/")):
        inside = os.path.normpath(store._path(name))
        assert inside == store.root or inside.startswith(store.root + "/")


def test_a_directory_that_is_not_there_is_told_from_a_name_that_is_not(
    store: DirectoryRemote, tmp_path: Path
) -> None:
    for ask in (store.get, lambda name: list(store.list(name))):
        with pytest.raises(RemoteError, match="does not exist") as raised:
            ask("name")
        assert raised.value.absent and "is the disk mounted" in raised.value.hint
    assert not os.path.exists(store.root), "asking made it"
    store.put("there", b"x")
    with pytest.raises(FileNotFoundError):
        store.get("name")
    with pytest.raises(FileNotFoundError):
        store.fetch("name", str(tmp_path / "to"))
    assert list(store.list("name")) == []


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space there"),
        (errno.EDQUOT, "free some space there"),
        (errno.EIO, "check the place and its permissions"),
        (errno.EACCES, "check the place and its permissions"),
    ],
)
def test_a_disk_that_fails_is_told_and_leaves_nothing_half(
    store: DirectoryRemote, tmp_path: Path, number: int, hint: str
) -> None:
    store.put("before", b"x")
    (tmp_path / "file").write_bytes(b"x")
    failing = mock.Mock(side_effect=OSError(number, os.strerror(number)))
    with mock.patch.object(module, "fsync", failing):
        for act in (
            lambda: store.put("name", b"x"),
            lambda: store.put("name", b"x", replace=True),
            lambda: store.create("name", b"x"),
            lambda: store.put_file("name", str(tmp_path / "file")),
        ):
            with pytest.raises(RemoteError, match=os.strerror(number)) as raised:
                act()
            assert raised.value.hint == hint and "name" in raised.value.message
    assert names(store) == ["before"] and left_aside(store) == []


def test_what_dead_writers_left_half_written_is_removed(store: DirectoryRemote) -> None:
    store.put("name", b"x")
    place, _, _ = owner.own().partition(".")
    for name in (owner.own(), f"{place}.999999999.0"):  # the second is no process
        Path(store.root, "tmp", f".mlt-{name}-0-0.tmp").touch()
    assert store.clean(0.0) == 0, "what is younger stays"
    assert store.clean(float("inf")) == 1
    assert left_aside(store) == [f".mlt-{owner.own()}-0-0.tmp"]
    assert names(store) == ["name"]


def test_it_says_what_it_is(store: DirectoryRemote) -> None:
    assert store.url == store.root and store.abilities == (True, True, True)
