"""A dry run says what the transfer then moves, and moves nothing."""

from pathlib import Path

import pytest

from tests.support.stored import loose
from tests.support.workspace import Workspace


@pytest.mark.parametrize("before", ["nothing there", "the data there", "all there"])
def test_a_dry_run_says_what_the_push_then_sends(
    shared: Workspace, before: str
) -> None:
    """Outputs of run records and their logs go along."""
    shared.write("d/1", "1\n")
    shared.mltrack("add", "d")
    if before == "the data there":
        shared.mltrack("push")
    shared.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: 'echo told; cat d/1 > o', deps: [d], outs: [o]}\n",
    )
    shared.mltrack("repro")
    shared.write("d/1", "2\n")
    shared.mltrack("add", "d")
    shared.mltrack("repro")
    if before == "all there":
        shared.mltrack("push")
    files = shared.files()
    would = shared.mltrack("push", "--dry-run", "--json").json
    assert shared.files() == files
    did = shared.mltrack("push", "--json").json
    assert (would["objects"], would["records"]) == (did["objects"], did["records"])
    assert did["objects"] > 1 or before == "all there"


def test_a_dry_run_says_what_the_fetch_then_brings(
    shared: Workspace, tmp_path: Path
) -> None:
    """The listings of directories are here then: without them nobody could tell."""
    for name in ("d/1", "d/sub/2", "e"):
        shared.write(name, f"{name}\n")
    shared.mltrack("add", "d", "e")
    shared.commit()
    shared.mltrack("push")
    clone = shared.clone(tmp_path / "one")
    would = clone.mltrack("fetch", "--dry-run", "--json").json
    did = clone.mltrack("fetch", "--json").json
    assert (would["objects"], would["bytes"]) == (did["objects"], did["bytes"])


def test_dry_runs_of_fetch_and_pull_bring_no_files(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push", "--all-tags")
    other = two.clone(tmp_path / "clone")
    assert (
        other.mltrack("fetch", "--all-tags", "--dry-run", "--json").json["objects"]
        == 11
    )
    assert "would fetch" not in other.mltrack("pull", "--dry-run").err
    assert not loose(other) and not other.exists("data")
