"""Two processes' journals in one worktree: what one folds does not make the other's
lines worthless.
"""

import os
from pathlib import Path

import pytest

from mltrack.engine.lock_state import LockState
from mltrack.formats.run_record import RunRecord
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.stage import Entry, Stage


def opened(path: Path) -> LockState:
    return LockState(str(path), str(path / "journal"), XXH3, ["mltrack.lock"])


def stage(name: str) -> Stage:
    return Stage(name, name, "mltrack.yaml", ("x",))


def record(name: str) -> RunRecord:
    outs = {f"{name}.o": Content(FILE, "ab" * 16, 1)}
    return RunRecord(
        "cd" * 16,
        name,
        Entry(
            ("x",),
            "/bin/sh",
            "",
            {},
            {},
            {},
            None,
            None,
            outs,
            dict.fromkeys(outs, "out"),
        ),
    )


def test_lines_stay_valid_on_top_of_a_lock_that_another_process_folded(
    tmp_path: Path,
) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.record(stage("a"), record("a"))
    second.record(stage("b"), record("b"))
    first.fold([stage("a"), stage("b")])
    assert (
        "b" not in first.locks["mltrack.lock"]
        and '"b"' not in (tmp_path / "mltrack.lock").read_text()
    )
    assert opened(tmp_path).locks["mltrack.lock"].keys() == {"a", "b"}
    second.record(stage("c"), record("c"))
    second.fold([stage(name) for name in "abc"])
    assert opened(tmp_path).locks["mltrack.lock"].keys() == {"a", "b", "c"}
    assert sorted(path.name for path in (tmp_path / "journal").iterdir()) == ["lock"]


def test_lines_say_nothing_about_a_lock_that_came_from_elsewhere(
    tmp_path: Path,
) -> None:
    state = opened(tmp_path)
    state.record(stage("a"), record("a"))
    (tmp_path / "mltrack.lock").write_text('{"mltrack": 1, "stages": {}}\n')
    assert "a" not in opened(tmp_path).locks["mltrack.lock"]


def renamed(path: Path, pid: int) -> None:
    """Gives the only journal the name that a process of this id would have given it."""
    [journal] = [one for one in (path / "journal").iterdir() if one.name != "lock"]
    journal.rename(
        journal.with_name(journal.name.replace(f"-{os.getpid()}.", f"-{pid}."))
    )


# in every container, and the process that looks, some process has the id
@pytest.mark.parametrize("pid", [1, os.getpid(), 4194305], ids=["first", "own", "none"])
def test_what_a_killed_process_noted_is_left_behind_until_it_is_folded(
    tmp_path: Path, pid: int
) -> None:
    killed = opened(tmp_path)
    killed.record(stage("a"), record("a"))
    renamed(tmp_path, pid)
    # as the kernel does
    os.close(killed._descriptor)
    later = opened(tmp_path)
    assert [one.stage for one in later.left_behind()] == ["a"]
    assert later.locks["mltrack.lock"].keys() == {"a"}
    later.fold([stage("a")])
    assert later.left_behind() == [] and "a" in (tmp_path / "mltrack.lock").read_text()


def test_the_journal_of_a_process_on_another_machine_is_left_to_it(
    tmp_path: Path,
) -> None:
    elsewhere = opened(tmp_path)
    elsewhere.record(stage("a"), record("a"))
    # above what the kernel gives: there is no such process here
    renamed(tmp_path, 4194305)
    here = opened(tmp_path)
    assert here.left_behind() == []
    here.record(stage("b"), record("b"))
    here.fold([stage("a"), stage("b")])
    elsewhere.record(stage("c"), record("c"))
    assert opened(tmp_path).locks["mltrack.lock"].keys() == {"a", "b", "c"}


def test_the_journal_of_a_process_that_runs_is_not_left_behind(tmp_path: Path) -> None:
    opened(tmp_path).record(stage("a"), record("a"))
    assert opened(tmp_path).left_behind() == []


def test_folding_drops_what_is_declared_no_more(tmp_path: Path) -> None:
    state = opened(tmp_path)
    for name in "ab":
        state.record(stage(name), record(name))
    state.fold([stage("a"), stage("b")])
    [dropped] = opened(tmp_path).fold([stage("a")])
    assert [*dropped.entry.outs] == ["b.o"]
    assert opened(tmp_path).locks["mltrack.lock"].keys() == {"a"}


def test_what_is_forgotten_is_not_in_the_lock(tmp_path: Path) -> None:
    state = opened(tmp_path)
    state.record(stage("a"), record("a"))
    state.fold([stage("a")])
    state.forget("mltrack.lock", "a")
    state.fold([stage("a")])
    assert opened(tmp_path).locks["mltrack.lock"].keys() == set()
