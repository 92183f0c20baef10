"""The run cache: a record is found by its key, and one that cannot be believed is
passed over.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.disk.lock import locked
from mltrack.errors import FormatError
from mltrack.formats import record_bundle
from mltrack.formats.run_record import RunRecord, outputs_digest
from mltrack.objects.digest import XXH3
from mltrack.store.local.run_cache import MERGE_ABOVE, SUFFIX, RunCache
from tests.support.objects import flip
from tests.support.results import result

results = st.builds(
    result,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["1", "2", "3"]),
    started=st.integers(0, 99).map(float),
)


@pytest.fixture
def runs(tmp_path: Path) -> RunCache:
    return RunCache(str(tmp_path / "runs"), XXH3)


def again(runs: RunCache) -> RunCache:
    return RunCache(runs.path, XXH3)


def bundles(runs: RunCache) -> list[str]:
    return [name for name in os.listdir(runs.path) if name.endswith(SUFFIX)]


@settings(max_examples=40)
@given(st.lists(st.lists(results, max_size=4), max_size=5))
def test_of_a_key_each_different_result_is_found_and_the_newest_comes_first(
    tmp_path_factory: pytest.TempPathFactory, written: list[list[RunRecord]]
) -> None:
    runs = RunCache(str(tmp_path_factory.mktemp("runs")), XXH3)
    newest: dict[tuple[str, str], float] = {}
    for group in written:
        runs.put(group)
        # in one file the last of equal results counts, of several files the newest
        last = {(one.key, outputs_digest(one, XXH3)): one.started for one in group}
        for name, started in last.items():
            newest[name] = max(newest.get(name, 0.0), started)
    for seen in (runs, again(runs)):
        for key in {result(command).key for command in "abc"}:
            expected = sorted(
                (started for (own, _), started in newest.items() if own == key),
                reverse=True,
            )
            assert [one.started for one in seen.find(key)] == expected
        assert {name for name, _ in seen.all()} == {
            f"{key}-{outs}" for key, outs in newest
        }
        assert len(list(seen.all())) == len(newest)


def test_an_equal_result_is_known_whenever_it_was_made(runs: RunCache) -> None:
    runs.put([result("a", "1", started=5.0)])
    assert runs.has(result("a", "1", started=9.0))
    assert not runs.has(result("a", "2")) and not runs.has(result("b", "1"))


def test_what_another_process_writes_is_seen(runs: RunCache) -> None:
    assert runs.find(result("a").key) == []
    again(runs).put([result("a")])
    assert runs.find(result("a").key) == [result("a")]


def test_nothing_to_write_writes_nothing(runs: RunCache) -> None:
    runs.put([])
    assert not os.path.exists(runs.path)


@settings(max_examples=40)
@given(at=st.integers(0, 2000))
def test_a_record_with_a_changed_byte_is_passed_over_or_says_the_same_of_its_result(
    at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = RunCache(str(tmp_path_factory.mktemp("runs")), XXH3)
    runs.put([result("a", "1"), result("b", "2")])
    [name] = bundles(runs)
    path = os.path.join(runs.path, name)
    flip(path, at % os.path.getsize(path))
    for command, out in (("a", "1"), ("b", "2")):
        for record in again(runs).find(result(command).key):
            assert record.key == result(command).key
            [made] = record.entry.outs.items()
            [expected] = result(command, out).entry.outs.items()
            assert made[0] == expected[0] and made[1].same_bytes(expected[1])
            assert record.entry.cmd == (command,)


def test_a_record_under_another_key_is_passed_over(runs: RunCache) -> None:
    true, lie = result("a", "1"), result("b", "2")
    line = record_bundle.write([true], XXH3).partition(b"\n")[2]
    forged = record_bundle.write_lines({(lie.key, outputs_digest(true, XXH3)): line})
    runs.adopt(forged)
    assert runs.find(lie.key) == [] and list(runs.all()) == []


def test_what_is_no_bundle_is_refused_and_one_that_lies_there_is_passed_over(
    runs: RunCache,
) -> None:
    with pytest.raises(FormatError):
        runs.adopt(b"nonsense")
    assert not os.path.exists(runs.path)
    runs.put([result("a")])
    for name in ("x" + SUFFIX, "ab" * 16 + SUFFIX):
        Path(runs.path, name).write_bytes(b"nonsense")
    elsewhere = Path(runs.path + "-elsewhere")
    elsewhere.write_bytes(record_bundle.write([result("b")], XXH3))
    Path(runs.path, "cd" * 16 + SUFFIX).symlink_to(elsewhere)
    assert list(again(runs).all()) == [(_name("a"), result("a"))]


def _name(command: str) -> str:
    one = result(command)
    return f"{one.key}-{outputs_digest(one, XXH3)}"


def test_records_are_dropped_by_name_and_the_others_stay(runs: RunCache) -> None:
    runs.put([result("a"), result("b")])
    runs.put([result("c")])
    runs.drop({_name("a"), _name("c")})
    for seen in (runs, again(runs)):
        assert list(seen.all()) == [(_name("b"), result("b"))]
        assert seen.all_but({_name("b")}) == []
        assert seen.all_but({_name("a")}) == [result("b")]
    runs.drop({_name("a"), "nosuch"})
    assert list(again(runs).all()) == [(_name("b"), result("b"))]
    runs.drop({_name("b")})
    assert list(again(runs).all()) == [] and bundles(runs) == []


def test_a_damaged_bundle_stays_when_others_are_dropped(runs: RunCache) -> None:
    runs.put([result("a")])
    [name] = bundles(runs)
    flip(os.path.join(runs.path, name), -2)
    runs.put([result("b"), result("c")])
    again(runs).drop({_name("b")})
    assert name in bundles(runs)
    assert [one for _, one in again(runs).all()] == [result("c")]


def test_many_files_become_one_unless_somebody_else_is_at_it(runs: RunCache) -> None:
    written = [result(f"{number}") for number in range(MERGE_ABOVE + 1)]
    for one in written[:-1]:
        runs.put([one])
    assert len(bundles(runs)) == MERGE_ABOVE
    with locked(os.path.join(runs.path, "lock")):
        runs.put([written[-1]])
    assert len(bundles(runs)) == MERGE_ABOVE + 1
    late = again(runs)
    assert len(late.find(written[0].key)) == 1
    runs.put([result("last")])
    assert len(bundles(runs)) == 1
    assert late.find(written[0].key) == [written[0]], "its file was merged meanwhile"
    found = {one.key for _, one in again(runs).all()}
    assert found == {one.key for one in [*written, result("last")]}
