"""Writing back beside the work: a failure is told, whenever it came."""

import os
from pathlib import Path

import pytest

from mltrack.disk import write_back
from mltrack.disk.durable import opened
from mltrack.disk.write_back import WriteBack


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(write_back, "sync_descriptor", calls.append)
    return calls


def test_it_begins_once_it_is_worth_it_and_ends_with_all_of_it(
    tmp_path: Path, synced: list[int]
) -> None:
    with opened(tmp_path, os.O_RDONLY) as top, WriteBack(top) as back:
        back.wrote(1)
        assert synced == []
        back.wrote(64 << 20)
        back.wait()
        assert len(synced) == 1
        back.finish()
        assert len(synced) == 2


def test_a_failure_on_the_way_is_raised_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(write_back, "sync_descriptor", fail)
    with opened(tmp_path, os.O_RDONLY) as top, WriteBack(top) as back:
        back.begin()
        with pytest.raises(OSError, match="Input/output"):
            back.finish()
