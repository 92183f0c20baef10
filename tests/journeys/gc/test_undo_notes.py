"""Garbage collection and what `undo` needs: the notes of what force replaced."""

import json
import time

import pytest

from mltrack.project import find
from mltrack.verbs.gc_remote import gc_remote
from mltrack.verbs.session import Session
from tests.support.workspace import Workspace


def age_notes(ws: Workspace, days: float) -> None:
    """Makes what force replaced look as if it had been replaced earlier."""
    for path in (ws.path / ".mltrack/trash").glob("*.json"):
        note = json.loads(path.read_text())
        path.write_text(json.dumps({**note, "moment": note["moment"] - days * 86400}))


def test_a_dry_run_of_gc_leaves_old_notes_for_undo(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("config", "gc.grace_days", "0")
    age_notes(ws, 15)
    assert ws.mltrack("gc", "--dry-run", "--json").json["objects"] == 1
    ws.mltrack("undo")
    assert ws.read("a") == "mine"


def test_gc_deletes_an_old_note_with_the_bytes_that_it_names(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("config", "gc.grace_days", "0")
    age_notes(ws, 15)
    assert ws.mltrack("gc", "--json").json["objects"] == 1
    assert "nothing was replaced" in ws.mltrack("undo", code=2).err


def test_a_remote_whose_clock_is_ahead_costs_no_note_for_undo(
    shared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.write("a", "orig")
    shared.mltrack("add", "a")
    shared.mltrack("push")
    shared.write("a", "mine")
    shared.mltrack("checkout", "--force")
    monkeypatch.setattr(
        "mltrack.store.shared.deleting.server_time",
        lambda remote: time.time() + 40 * 86400,
    )
    session = Session(find(str(shared.path)))
    gc_remote(session, "store")
    shared.mltrack("undo")
    assert shared.read("a") == "mine"
