"""Laws of trees and digests."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError
from mltrack.objects import tree, tree_walk
from mltrack.objects.digest import XXH3
from mltrack.objects.tree import Entry
from mltrack.objects.tree_diff import diff, merge
from mltrack.objects.tree_edit import edited
from mltrack.objects.tree_walk import below, each_once, entry_at, extent, leaves

names = st.binary(min_size=1, max_size=12).filter(lambda name: _allowed(name))
hexes = st.binary(min_size=16, max_size=16).map(bytes.hex)


def _allowed(name: bytes) -> bool:
    try:
        tree.check_name(name)
    except FormatError:
        return False
    return True


entries = st.dictionaries(
    names, st.tuples(st.sampled_from("fxl"), hexes, st.integers(0, 2**62)), max_size=8
)


@given(entries)
def test_a_tree_survives_writing_and_reading_and_does_not_depend_on_order(
    found: dict[bytes, tuple[str, str, int]],
) -> None:
    rows = [
        (name, kind, hex_digest, size)
        for name, (kind, hex_digest, size) in found.items()
    ]
    data = tree.encode(rows)
    random.shuffle(rows)
    assert tree.encode(rows) == data
    assert tree.decode(data, 32) == sorted(Entry(*row) for row in rows)
    assert tree.encode(tree.decode(data, 32)) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused_as_a_format_error(data: bytes) -> None:
    for attempt in (data, tree.HEADER + data, tree.HEADER + data + b"\n"):
        try:
            decoded = tree.decode(attempt, 32)
        except FormatError:
            continue
        assert tree.encode(decoded) == attempt


paths = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), min_size=1, max_size=3).map(
    b"/".join
)
flat_trees = st.dictionaries(paths, st.integers(0, 5), max_size=8).map(
    lambda flat: _without_nesting(flat)
)


def _without_nesting(flat: dict[bytes, int]) -> dict[bytes, int]:
    return {
        path: value
        for path, value in flat.items()
        if not any(other.startswith(path + b"/") for other in flat)
    }


class Trees:
    """Trees in memory, built from flat listings."""

    def __init__(self) -> None:
        self.by_hex: dict[str, list[Entry]] = {}

    def write(self, found: list[Entry]) -> str:
        data = tree.encode(found)
        hex_digest = XXH3.hex_of(data)
        self.by_hex[hex_digest] = tree.decode(data, 32)
        return hex_digest

    def load(self, hex_digest: str) -> list[Entry]:
        return self.by_hex[hex_digest]

    def load_both(self, old: str, new: str) -> tuple[list[Entry], list[Entry]]:
        one, other = tree.encode(self.by_hex[old]), tree.encode(self.by_hex[new])
        return tree.decode_differing(one, other, 32)

    def build(self, flat: dict[bytes, int]) -> str:
        children: dict[bytes, dict[bytes, int]] = {}
        found: list[Entry] = []
        for path, value in flat.items():
            head, slash, rest = path.partition(b"/")
            if slash:
                children.setdefault(head, {})[rest] = value
            else:
                found.append(Entry(head, "f", f"{value:032x}", value))
        found += [
            Entry(name, "d", self.build(below), sum(below.values()))
            for name, below in children.items()
        ]
        return self.write(found)

    def flat(self, hex_digest: str) -> dict[bytes, int]:
        return {
            path: entry.size
            for path, entry in leaves(hex_digest, self.load)
            if entry.kind != "d"
        }


@given(flat_trees, flat_trees)
def test_a_diff_applied_to_the_old_tree_gives_the_new_one(
    old: dict[bytes, int], new: dict[bytes, int]
) -> None:
    trees = Trees()
    flat = dict(old)
    for change in diff(trees.build(old), trees.build(new), trees.load):
        if change.old is not None and change.old.kind != "d":
            assert flat.pop(change.path) == change.old.size
        if change.new is not None and change.new.kind != "d":
            flat[change.path] = change.new.size
    assert flat == new


@given(flat_trees, flat_trees)
def test_a_diff_that_leaves_out_what_is_equal_is_the_same(
    old: dict[bytes, int], new: dict[bytes, int]
) -> None:
    trees = Trees()
    one, other = trees.build(old), trees.build(new)
    assert [*diff(one, other, trees.load, b"d/", trees.load_both)] == [
        *diff(one, other, trees.load, b"d/")
    ]


entries = st.dictionaries(
    st.integers(0, 300),
    st.tuples(st.sampled_from("fx"), st.integers(0, 2)),
    max_size=40,
)


@given(entries, entries)
def test_what_two_trees_begin_and_end_with_is_left_out_and_nothing_else(
    old: dict[int, tuple[str, int]], new: dict[int, tuple[str, int]]
) -> None:
    both = [
        [
            Entry(b"%d" % name, kind, f"{value:032x}", value)
            for name, (kind, value) in one.items()
        ]
        for one in (old, new)
    ]
    whole = [sorted(one) for one in both]
    left = tree.decode_differing(tree.encode(both[0]), tree.encode(both[1]), 32)
    for entries_, kept, other in zip(whole, left, reversed(whole), strict=True):
        assert bool(kept) == bool(entries_)
        gone = set(entries_) - set(kept)
        assert gone <= set(other)
        # in one piece, and in order
        at = entries_.index(kept[0]) if kept else 0
        assert entries_[at : at + len(kept)] == kept


def test_one_file_more_in_a_large_directory_costs_a_few_lines() -> None:
    old = [Entry(b"%06d" % n, "f", f"{n:032x}", n) for n in range(5000)]
    new = [*old[:2500], Entry(b"002499a", "f", "0" * 32, 1), *old[2500:]]
    before, after = tree.decode_differing(tree.encode(old), tree.encode(new), 32)
    assert len(before) <= 2 and len(after) <= 3


@given(flat_trees)
def test_equal_trees_do_not_differ_and_are_never_opened(flat: dict[bytes, int]) -> None:
    hex_digest = Trees().build(flat)
    assert (
        list(
            diff(
                hex_digest,
                hex_digest,
                lambda _: (_ for _ in ()).throw(AssertionError("opened")),
            )
        )
        == []
    )


@given(flat_trees, flat_trees, flat_trees)
def test_a_merge_holds_what_each_side_changed_and_names_what_both_did(
    base: dict[bytes, int], ours: dict[bytes, int], theirs: dict[bytes, int]
) -> None:
    trees = Trees()
    merged = merge(
        trees.build(base),
        trees.build(ours),
        trees.build(theirs),
        trees.load,
        trees.write,
    )
    flat = trees.flat(merged.hex)
    assert merged.files == len(flat) and merged.size == sum(flat.values())
    union = {*base, *ours, *theirs}
    changed_by_both = set()
    for path in union:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if o not in (t, b) and t != b:
            changed_by_both.add(path)
    if any(_nested(a, b) for a in union for b in union if a != b):
        # a file in one version where another has a directory: that is told of the
        # directory
        return
    assert {conflict.path for conflict in merged.conflicts} == changed_by_both
    for path in union - changed_by_both:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        assert flat.get(path) == (t if o == b else o)
    assert {path: size for path, size in flat.items() if path in changed_by_both} == {
        path: ours[path] for path in changed_by_both if path in ours
    }


def _nested(a: bytes, b: bytes) -> bool:
    return a != b and (a.startswith(b + b"/") or b.startswith(a + b"/"))


@given(flat_trees, flat_trees)
def test_merging_with_an_unchanged_side_takes_the_other(
    base: dict[bytes, int], theirs: dict[bytes, int]
) -> None:
    trees = Trees()
    b, t = trees.build(base), trees.build(theirs)
    assert merge(b, b, t, trees.load, trees.write).hex == t
    assert merge(b, t, b, trees.load, trees.write).hex == t


# walks, against what a dictionary of paths says


def _directories(flat: dict[bytes, int]) -> set[bytes]:
    return {path for leaf in flat for path in tree.parents(leaf)}


@given(flat_trees, paths)
def test_the_entry_at_a_path_is_found_by_opening_the_way_to_it(
    flat: dict[bytes, int], path: bytes
) -> None:
    trees = Trees()
    root = trees.build(flat)
    opened: list[str] = []

    def load(hex_digest: str) -> list[Entry]:
        opened.append(hex_digest)
        return trees.load(hex_digest)

    for wanted in {path, *flat, *_directories(flat)}:
        opened.clear()
        found = entry_at(root, wanted, load)
        if wanted in flat:
            assert found is not None and (found.kind, found.size) == ("f", flat[wanted])
        elif wanted in _directories(flat):
            assert found is not None and found.kind == "d"
            inner = {
                leaf[len(wanted) + 1 :]: size
                for leaf, size in flat.items()
                if leaf.startswith(wanted + b"/")
            }
            assert trees.flat(found.hex) == inner
        else:
            assert found is None
        assert len(opened) <= wanted.count(b"/") + 1


@given(st.lists(flat_trees, max_size=3), st.sets(st.integers(0, 10), max_size=3))
def test_everything_below_roots_is_met_once_but_for_what_cannot_be_opened(
    several: list[dict[bytes, int]], lost_at: set[int]
) -> None:
    trees = Trees()
    roots = [trees.build(flat) for flat in several]
    every = sorted(trees.by_hex)
    lost = {every[number] for number in lost_at if number < len(every)}
    opened: Counter[str] = Counter()

    def load(hex_digest: str) -> list[Entry] | None:
        opened[hex_digest] += 1
        return None if hex_digest in lost else trees.load(hex_digest)

    reached, files = set(roots), {}
    for _ in range(4):  # no deeper than three
        for hex_digest in reached - lost:
            files |= {
                entry.hex: entry.size
                for entry in trees.load(hex_digest)
                if entry.kind != "d"
            }
        reached |= {
            e.hex for item in reached - lost for e in trees.load(item) if e.kind == "d"
        }
    found = below(roots, load)
    assert set(found.trees) == reached - lost
    assert found.files == files
    assert found.unopened == reached & lost
    assert set(opened.values()) <= {1}
    named = set(roots)
    for hex_digest, entries in each_once(roots, load):
        assert hex_digest in named
        named |= {entry.hex for entry in entries or () if entry.kind == "d"}


@given(flat_trees)
def test_what_was_seen_is_passed_over_with_all_below_it(flat: dict[bytes, int]) -> None:
    trees = Trees()
    root = trees.build(flat)
    seen: set[str] = set()
    assert {hex_digest for hex_digest, _ in each_once([root], trees.load, seen)} == seen
    assert list(each_once([root], trees.load, seen)) == []


@given(flat_trees, flat_trees, st.sets(paths, max_size=2))
def test_a_change_at_paths_is_what_a_dictionary_makes_of_it(
    before: dict[bytes, int], added: dict[bytes, int], removed: set[bytes]
) -> None:
    changed = {*added, *removed}
    if any(_nested(a, b) for a in changed for b in changed if a != b):
        return  # no path may lie below another
    trees = Trees()
    root = trees.build(before)
    untouched = set(trees.by_hex)
    changes = dict.fromkeys(removed) | {
        path: Entry(b"", "f", f"{value:032x}", value) for path, value in added.items()
    }
    opened: list[str] = []

    def load(hex_digest: str) -> list[Entry]:
        opened.append(hex_digest)
        return trees.load(hex_digest)

    result = edited(root if before else None, changes, load, trees.write)
    # what stands where a directory is needed makes way, as does what lies below a path
    # that is a leaf now
    expected = added | {
        leaf: size
        for leaf, size in before.items()
        if leaf not in changed
        and not any(leaf.startswith(path + b"/") for path in changed)
        and not any(path.startswith(leaf + b"/") for path in added)
    }
    if changes:
        assert (trees.flat(result.hex) if result else {}) == expected
        assert result is None or result.size == sum(trees.flat(result.hex).values())
        ways = {b"", *(above for path in changed for above in tree.parents(path))}
        assert len(opened) <= len(ways)
        assert set(opened) <= untouched


@pytest.mark.parametrize("inner", ["empty directory", "file"])
def test_a_forged_tree_that_doubles_is_refused_however_little_it_holds(
    inner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_walk, "MAX_ENTRIES", 1000)
    trees = {"0": [] if inner != "file" else [Entry(b"f", "f", "ff", 1)]}
    for level in range(1, 61):
        below_it = str(level - 1)
        trees[str(level)] = [Entry(name, "d", below_it, 0) for name in (b"a", b"b")]
    with pytest.raises(FormatError, match="forged"):
        extent("60", trees.__getitem__)
    with pytest.raises(FormatError, match="forged"):
        for _ in leaves("60", trees.__getitem__):
            pass
    assert extent("5", trees.__getitem__) == (32 if inner == "file" else 0)
