"""Trees that were seen whole at a remote: believed only as long as nothing there is
lost and the remote is the same one.
"""

from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.shared.names import index_path
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import again, push

TREES = ["aa" * 16, "bb" * 16]


@pytest.fixture
def noted(remote: Remote, cache: Cache) -> Remote:
    """A remote with one index, below which two trees were seen."""
    push(cache, remote, b"one")
    remote.confirmed().add(TREES)
    return remote


def seen(remote: Remote) -> list[bool]:
    confirmed = again(remote).confirmed()
    return [tree in confirmed for tree in (*TREES, "cc" * 16)]


def test_what_was_seen_is_known_to_the_next_command(noted: Remote) -> None:
    assert seen(noted) == [True, True, False]
    again(noted).confirmed().add(["cc" * 16])
    assert seen(noted) == [True, True, True]


def test_more_indexes_take_nothing_away(noted: Remote, cache: Cache) -> None:
    push(cache, noted, b"two")
    assert seen(noted) == [True, True, False]


def test_a_lost_index_makes_all_of_it_unknown(
    noted: Remote, store: MemoryStore, cache: Cache
) -> None:
    [name] = noted.indexes()
    push(cache, noted, b"two")
    del store.files[index_path(name)]
    assert seen(noted) == [False, False, False]


def test_a_lost_pack_makes_all_of_it_unknown(noted: Remote, store: MemoryStore) -> None:
    store.delete([name for name in store.files if name.startswith("packs/")])
    assert seen(noted) == [False, False, False]


def test_another_remote_under_the_name_is_another(
    noted: Remote, tmp_path: Path, cache: Cache
) -> None:
    other = Remote("store", MemoryStore(), XXH3, noted.met)
    other.open(create=True)
    push(cache, other, b"one")
    assert other.indexes().keys() == noted.indexes().keys()
    assert seen(other) == [False, False, False] and seen(noted) == [True, True, False]


def test_notes_that_say_nothing_are_passed_over(noted: Remote) -> None:
    path = Path(noted.met.hints_path + ".whole")
    good = path.read_text()
    for text in ("", "\n\n\n", good.replace("whole 1", "whole 2"), "\udc80" * 9):
        path.write_text(text, errors="surrogateescape")
        assert seen(noted) == [False, False, False]
    path.unlink()
    path.mkdir()
    assert seen(noted) == [False, False, False]
    noted.confirmed().add(TREES)  # costs the next push a look


def test_a_remote_that_was_never_opened_is_noted_nowhere(
    store: MemoryStore, remote: Remote
) -> None:
    never = Remote("store", store, XXH3, remote.met)
    never.confirmed().add(TREES)
    assert not Path(remote.met.hints_path + ".whole").exists()
