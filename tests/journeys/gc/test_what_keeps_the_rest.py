"""What `gc` says of the bytes that stay: who refers to them, and how to free them."""

import time

from tests.support.stored import LARGE, age
from tests.support.workspace import Workspace


def test_gc_says_what_keeps_the_rest_and_how_to_free_it(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  t: {cmd: cp in o, deps: [in], outs: [o]}\n")
    ws.write("data", LARGE)
    for number, size in enumerate((1 << 21, 1 << 22)):
        ws.write("in", bytes([number]) * size)
        ws.mltrack("repro")
    ws.mltrack("add", "data")
    ws.commit()
    ws.write("data", LARGE[::-1])
    ws.mltrack("add", "data")
    ws.commit()
    kept = ws.mltrack("gc", "--json").json["kept"]
    assert kept["workspace"] >= len(LARGE) + (1 << 22)
    # the first result is in no commit: its record keeps it
    assert kept["history"] >= len(LARGE) and kept["runs"] >= 1 << 21
    assert kept["grace"] == kept["until"] == 0
    ws.mltrack("config", "cache.runs_days", "0")
    young = ws.mltrack("gc", "--dry-run", "--json").json["kept"]
    assert young["grace"] >= 1 << 21 and young["runs"] == 0
    assert abs(young["until"] - time.time() - 14 * 86400) < 3600
    said = ws.mltrack("gc", "--dry-run").out
    for words in ("gc --keep-last N", "gc.grace_days", "the grace period, until 20"):
        assert words in said
    age(ws)
    freed = ws.mltrack("gc", "--dry-run", "--json").json
    assert freed["bytes"] >= 1 << 21 and freed["kept"]["grace"] == 0
    done = ws.mltrack("gc", "--json").json
    assert done == {**freed, "dry_run": False}
