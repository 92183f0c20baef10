"""Deciding a checkout: last, wanted and present, in every combination."""

import itertools
from pathlib import Path

import pytest

from mltrack.errors import UnsavedDataError
from mltrack.objects.digest import XXH3
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.objects.tree_diff import Change
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.workspace.checkout import Checkout
from mltrack.workspace.checkout_plan import CheckoutPlan, decide
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.observe import Observer

STATES = (None, "1", "2", "3")


def entry(value: str | None) -> Entry | None:
    return None if value is None else Entry(b"f", "f", value, 1)


def plan(
    last: str | None,
    present: str | None,
    wanted: str | None,
    saved: set[str],
    *,
    known: bool = True,
    force: bool = False,
):  # type: ignore[no-untyped-def]
    before = {b"d/f": entry(last)} if last is not None else {}
    changes = [Change(b"d/f", entry(present), entry(wanted))]
    return decide(
        changes, before if known else None, lambda hexes: hexes & saved, force=force
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "present", "wanted"),
    [c for c in itertools.product(STATES, repeat=3) if c[1] != c[2]],
)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("is_saved", [True, False])
def test_no_combination_ever_replaces_what_is_not_saved(
    last: str | None,
    present: str | None,
    wanted: str | None,
    known: bool,
    is_saved: bool,
) -> None:
    saved = {present} if is_saved and present else set()
    result = plan(last, present, wanted, saved, known=known)
    replaced = {op.path for op in result.operations if op.replaced is not None}
    # What `last` alone vouches for is read again before it goes: its bytes may be
    # nowhere else.
    assert (
        is_saved or not replaced or [entry.hex for entry in result.unkept] == [present]
    )
    assert len(result.operations) + len(result.kept) + len(result.conflicts) == 1
    if present is None:
        assert result.operations, "what is gone is always put back"
    if known and present == last and is_saved:
        assert result.operations, "what only the wanted version changed is replaced"
    if known and present is not None and present != last and wanted == last:
        assert result.kept, "what only the workspace changed is left"
    if known and None not in (present, wanted) and len({last, present, wanted}) == 3:
        assert result.conflicts, "what both changed is a conflict"


@pytest.mark.parametrize("known", [True, False])
def test_force_replaces_and_names_what_must_be_saved_first(known: bool) -> None:
    result = plan("1", "2", "3", set(), known=known, force=True)
    assert result.operations and [path for path, _ in result.unsaved] == [b"d/f"]
    noted = bool(plan("1", "2", "3", {"2"}, known=known, force=True).unsaved)
    assert noted == known, (
        "a change of one's own can be undone, even if the cache has its bytes"
    )
    assert not plan("2", "2", "3", {"2"}, known=known, force=True).unsaved


def test_a_file_that_is_left_cannot_stand_where_a_directory_is_wanted() -> None:
    changes = [Change(b"d/x", entry("2"), None), Change(b"d/x/y", None, entry("3"))]
    result = decide(changes, {}, lambda hexes: hexes, force=False)
    assert result.conflicts == [b"d/x"]


@pytest.mark.parametrize("wanted", [None, "3"])
def test_a_file_in_the_place_of_a_directory_that_was_here_is_the_persons_own(
    wanted: str | None,
) -> None:
    """The directory goes with its own paths; only another file that is wanted there is
    a conflict.
    """
    before = {b"d/f": Entry(b"f", DIRECTORY, "9", 1)}
    change = Change(b"d/f", entry("2"), entry(wanted))
    result = decide([change], before, lambda hexes: hexes, force=False)
    assert (result.kept, result.conflicts) == (
        ([b"d/f"], []) if wanted is None else ([], [b"d/f"])
    )


def test_only_what_loses_nothing_is_approved(tmp_path: Path) -> None:
    """Whoever carries out a plan has to have it approved: the type says so, and this is
    what it stands for.
    """
    cache = Cache(str(tmp_path / "cache"), XXH3)
    with CacheWriter(cache) as writer:
        saved = writer.put(b"saved\n")
        writer.finish()
    observer = Observer(str(tmp_path), str(tmp_path / "index"), XXH3, cache, [])
    checkout = Checkout(
        str(tmp_path),
        str(tmp_path),
        cache,
        observer,
        LastMaterialized(str(tmp_path / "last"), XXH3),
    )
    nothing = CheckoutPlan([], [], [], [])
    assert checkout.approve("d", nothing).plan is nothing
    kept = nothing._replace(unsaved=[(b"d/f", Entry(b"f", "f", saved, 6))])
    assert checkout.approve("d", kept).plan is kept
    for refused in (
        nothing._replace(conflicts=[b"d/f"]),
        nothing._replace(unsaved=[(b"d/f", Entry(b"f", "f", "0" * 32, 6))]),
    ):
        with pytest.raises(UnsavedDataError, match="d/f"):
            checkout.approve("d", refused)
