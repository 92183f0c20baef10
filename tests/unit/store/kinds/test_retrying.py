"""A store that tries again: what may pass is asked for later and later, and nothing
else is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import RemoteError
from mltrack.store.kinds.retrying import FIRST_SECONDS, LONGEST_SECONDS, Retrying
from tests.support.memory_store import MemoryStore


class Faulty(MemoryStore):
    """Fails as it is told to, before or after it has done what was asked."""

    def __init__(self, *faults: Exception, after: bool = False) -> None:
        super().__init__()
        self.faults, self.after, self.calls = list(faults), after, 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            fault = self.faults.pop(0) if self.faults else None
            if fault is not None and not self.after:
                raise fault
            result = found(*arguments, **named)
            if fault is not None:
                raise fault
            return result

        return call


CALLS = {"list", "missing", "get", "fetch", "put", "create", "put_file", "delete"}
BUSY = RemoteError("busy", retryable=True)
REFUSED = RemoteError("refused")


def tried(store: Faulty, tries: int = 5) -> tuple[Retrying, list[float]]:
    """A store that has answered before, and the pauses that are made from now on."""
    pauses: list[float] = []
    made = Retrying(store, tries, pauses.append)
    faults, store.faults = store.faults, []
    made.missing(["x"])
    store.faults, store.calls = faults, 0
    return made, pauses


def test_what_passes_is_asked_for_later_and_later() -> None:
    made, pauses = tried(Faulty(*[BUSY] * 4))
    assert made.missing(["x"]) == {"x"}
    for number, pause in enumerate(pauses):
        most = FIRST_SECONDS * 2**number
        assert most / 2 <= pause <= most
    assert len(pauses) == 4


def test_no_pause_is_longer_than_the_longest() -> None:
    made, pauses = tried(Faulty(*[BUSY] * 20), 21)
    made.missing(["x"])
    assert max(pauses) <= LONGEST_SECONDS and min(pauses[10:]) >= LONGEST_SECONDS / 2


def test_after_so_many_tries_the_last_error_is_raised() -> None:
    last = RemoteError("last", retryable=True)
    store = Faulty(BUSY, BUSY, last, BUSY)
    made, pauses = tried(store, 3)
    with pytest.raises(RemoteError, match="last"):
        made.missing(["x"])
    assert store.calls == 3 and len(pauses) == 2


@pytest.mark.parametrize("tries", [0, 1])
def test_who_wants_one_try_gets_one(tries: int) -> None:
    store = Faulty(BUSY)
    made, pauses = tried(store, tries)
    with pytest.raises(RemoteError, match="busy"):
        made.missing(["x"])
    assert store.calls == 1 and pauses == []


@pytest.mark.parametrize("fault", [REFUSED, FileNotFoundError("x"), KeyError("x")])
def test_what_will_not_pass_is_not_asked_for_again(fault: Exception) -> None:
    store = Faulty(fault)
    made, pauses = tried(store)
    with pytest.raises(type(fault)):
        made.missing(["x"])
    assert store.calls == 1 and pauses == []


def test_a_place_that_never_answered_is_given_up_soon() -> None:
    store = Faulty(*[BUSY] * 9)
    made = Retrying(store, 5, lambda seconds: None)
    with pytest.raises(RemoteError, match="busy"):
        made.missing(["x"])
    assert store.calls == 2


def test_that_a_name_is_not_there_is_an_answer() -> None:
    store = Faulty(FileNotFoundError("x"), *[BUSY] * 3)
    made = Retrying(store, 5, lambda seconds: None)
    with pytest.raises(FileNotFoundError):
        made.get("x")
    assert made.missing(["x"]) == {"x"} and store.calls == 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "act",
    [
        lambda made, path: made.put("n", b"data"),
        lambda made, path: made.put("n", b"data", replace=True),
        lambda made, path: made.put_file("n", path),
        lambda made, path: made.create("n", b"data"),
    ],
)
def test_what_is_written_is_there_whenever_the_connection_is_cut(
    tmp_path: Path, after: bool, act: Callable[[Retrying, str], None]
) -> None:
    (tmp_path / "file").write_bytes(b"data")
    store = Faulty(BUSY, after=after)
    made, pauses = tried(store)
    act(made, str(tmp_path / "file"))
    assert store.files["n"][0] == b"data" and len(pauses) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_is_read_comes_whole_whenever_the_connection_is_cut(
    tmp_path: Path, after: bool
) -> None:
    path = tmp_path / "to"
    for act, expected in (
        (lambda made: made.get("d/n", 1, 2), b"at"),
        (lambda made: made.get("d/n"), b"data"),
        (lambda made: [item.name for item in made.list("d")], ["d/n"]),
        (lambda made: made.fetch("d/n", str(path)) or path.read_bytes(), b"data"),
        (lambda made: made.missing(iter(["d/n", "x"])), {"x"}),
        (lambda made: made.delete(iter(["d/n"])), None),
    ):
        store = Faulty(BUSY, after=after)
        store.files["d/n"] = (b"data", 1.0)
        made, pauses = tried(store)
        assert act(made) == expected and len(pauses) == 1
    assert store.files == {}


def test_a_name_that_was_created_by_the_try_whose_answer_was_lost_is_ours() -> None:
    made, _ = tried(Faulty(BUSY, after=True))
    assert made.create("n", b"ours")
    assert not made.create("n", b"theirs")
    assert made.create("n", b"ours"), "an equal one cannot be told from our own"


def test_it_is_the_store_that_it_wraps() -> None:
    store = Faulty()
    made = Retrying(store)
    assert (made.url, made.abilities) == (store.url, store.abilities)
    assert made.clean(0.0) == 0
    made.close()
