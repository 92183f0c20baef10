"""Run records that travel: each comes once, each goes once, and few files hold many."""

from pathlib import Path

import pytest

from mltrack.formats import record_bundle
from mltrack.objects.digest import XXH3
from mltrack.store.local.run_cache import SUFFIX, RunCache
from mltrack.store.shared.met import Met
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.runs import (
    DIRECTORY,
    MERGE_ABOVE,
    bring_records,
    send_records,
    sent_records,
    unsent,
)
from tests.support.memory_store import MemoryStore
from tests.support.results import result


@pytest.fixture
def runs(tmp_path: Path) -> RunCache:
    return RunCache(str(tmp_path / "runs"), XXH3)


@pytest.fixture
def colleague(tmp_path: Path, store: MemoryStore) -> tuple[RunCache, Remote]:
    remote = Remote("theirs", store, XXH3, Met(str(tmp_path / "their hints")))
    return RunCache(str(tmp_path / "theirs"), XXH3), remote


def files(store: MemoryStore) -> list[str]:
    return [name for name in store.files if name.startswith(DIRECTORY)]


def send(runs: RunCache, remote: Remote, *commands: str) -> None:
    """Makes results and sends what a push would."""
    runs.put([result(command) for command in commands])
    bring_records(runs, remote)
    send_records(runs, remote, unsent(runs, remote))


def commands(runs: RunCache) -> set[str]:
    return {record.entry.cmd[0] for _, record in runs.all()}


def test_what_one_sends_another_brings_once(
    runs: RunCache, remote: Remote, colleague: tuple[RunCache, Remote]
) -> None:
    send(runs, remote, "a", "b")
    assert bring_records(*colleague) == 2 and commands(colleague[0]) == {"a", "b"}
    assert bring_records(*colleague) == 0
    send(runs, remote, "c")
    assert bring_records(*colleague) == 1
    assert colleague[0].find(result("c").key) == [result("c")]


def test_what_is_there_is_not_sent_again(
    runs: RunCache,
    remote: Remote,
    store: MemoryStore,
    colleague: tuple[RunCache, Remote],
) -> None:
    send(runs, remote, "a")
    assert unsent(runs, remote) == []
    send(*colleague, "a", "b")
    assert len(files(store)) == 2
    bring_records(runs, remote)
    assert unsent(runs, remote) == [] and commands(runs) == {"a", "b"}
    send_records(runs, remote, [])
    assert len(files(store)) == 2


def test_many_files_become_one_and_no_record_is_lost(
    runs: RunCache,
    remote: Remote,
    store: MemoryStore,
    colleague: tuple[RunCache, Remote],
) -> None:
    for number in range(MERGE_ABOVE):
        send(runs, remote, f"{number}")
    assert len(files(store)) == MERGE_ABOVE
    send(runs, remote, "last")
    assert len(files(store)) == 1
    assert bring_records(*colleague) == MERGE_ABOVE + 1
    assert unsent(runs, remote) == [] == unsent(*colleague)


def test_files_whose_records_are_not_here_are_not_merged(
    runs: RunCache, remote: Remote, store: MemoryStore
) -> None:
    for number in range(MERGE_ABOVE):
        send(runs, remote, f"{number}")
    name = next(name for name, record in runs.all() if record.entry.cmd == ("3",))
    runs.drop([name])
    runs.put([result("last")])
    send_records(runs, remote, [result("last")])
    assert len(files(store)) == MERGE_ABOVE + 1


@pytest.mark.parametrize("harm", ["changed", "no bundle", "another name"])
def test_a_file_that_cannot_be_believed_is_passed_over(
    runs: RunCache,
    remote: Remote,
    store: MemoryStore,
    colleague: tuple[RunCache, Remote],
    harm: str,
) -> None:
    send(runs, remote, "a")
    send(runs, remote, "b")
    bad, _ = files(store)
    data, moment = store.files.pop(bad)
    if harm == "changed":
        store.files[bad] = (data.replace(b'"mltrack"', b'"Mltrack"'), moment)
    elif harm == "no bundle":
        store.files[f"{DIRECTORY}{XXH3.hex_of(b'x')}{SUFFIX}"] = (b"x", moment)
    else:
        store.files[f"{DIRECTORY}../{SUFFIX}"] = (data, moment)
        store.files[f"{DIRECTORY}notes.txt"] = (data, moment)
    assert bring_records(*colleague) == 1
    assert commands(colleague[0]) < {"a", "b"}


def test_a_file_that_is_gone_is_known_no_more(
    runs: RunCache, remote: Remote, store: MemoryStore
) -> None:
    send(runs, remote, "a", "b")
    store.delete(files(store))
    assert {one.entry.cmd[0] for one in unsent(runs, remote)} == {"a", "b"}


def test_records_of_a_time_are_those_that_the_remote_has(
    runs: RunCache, remote: Remote, colleague: tuple[RunCache, Remote]
) -> None:
    old, new = result("a", started=100.0), result("b", started=200.0)
    colleague[0].put([old, new])
    send_records(*colleague, [old, new])
    runs.put([result("c", started=300.0)])
    assert sent_records(runs, remote, 150.0) == [new]
    found = sent_records(runs, remote, 100.0)
    assert sorted(found, key=lambda one: one.started) == [old, new]


def test_what_is_known_of_a_remote_may_be_lost(
    runs: RunCache, remote: Remote, colleague: tuple[RunCache, Remote]
) -> None:
    send(runs, remote, "a")
    bring_records(*colleague)
    hint = Path(colleague[1].met.hints_path + ".runs")
    assert XXH3.hex_of(record_bundle.write([result("a")], XXH3)) in hint.read_text()
    for text in (b"", b"\xff\xff nonsense"):
        hint.write_bytes(text)
        bring_records(*colleague)
        assert commands(colleague[0]) == {"a"} and unsent(*colleague) == []
