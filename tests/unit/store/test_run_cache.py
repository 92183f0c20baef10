"""Equal results that were recorded more than once: the latest counts."""

from pathlib import Path

import pytest

from mltrack.formats.run_record import RunRecord
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.pipeline.stage import Entry
from mltrack.store.local.run_cache import RunCache


def record(started: float) -> RunRecord:
    outs = {"o": Content(FILE, XXH3.hex_of(b"o"), 1)}
    entry = Entry(("x",), "/bin/sh", "", {}, {}, {}, None, None, outs, {"o": "out"})
    return RunRecord(run_key(entry_parts(entry), XXH3), "s", entry, started=started)


@pytest.mark.parametrize("moments", [(1.0, 2.0, 3.0), (3.0, 2.0, 1.0), (2.0, 3.0, 1.0)])
def test_the_latest_of_equal_records_stays(
    tmp_path: Path, moments: tuple[float, ...]
) -> None:
    runs = RunCache(str(tmp_path / "runs"), XXH3)
    for moment in moments:
        runs.put([record(moment)])
    [(name, latest)] = runs.all()
    assert latest.started == 3.0
    runs.drop(["another"])  # which writes all of them anew
    assert len(list((tmp_path / "runs").glob("*.jsonl"))) == 1
    assert [(name, 3.0)] == [(n, one.started) for n, one in runs.all()]
