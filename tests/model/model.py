"""What must be true of data, in plain Python: nothing here knows mltrack, only its
decided semantics.

Content is a dict of entries by path below a target; a target that is one file has its
only entry at ''. An absent target is None. Where the semantics leave open what happens
(bytes that a cache may still hold), several outcomes are permitted, and never one that
loses the person's own bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """A file ('f'), an executable one ('x'), or a link ('l') with its text."""

    kind: str
    data: bytes


Content = dict[str, Entry]
State = dict[str, Content]
OUTS = ("gathered.txt", "counted.txt")
Lock = dict[str, tuple[object, Content]]
"""Of each output that a stage wrote: what the stage read, and what it wrote."""


def listing(content: Content) -> frozenset[tuple[str, Entry]]:
    return frozenset(content.items())


def ancestors(paths: Iterable[str]) -> set[str]:
    """The directories in which paths lie, the target itself among them."""
    found = {path.rpartition("/")[0] for path in paths if path}
    while more := {path.rpartition("/")[0] for path in found if path} - found:
        found |= more
    return found


def clashes(content: Content) -> list[str]:
    """The files that stand where others need a directory."""
    above = ancestors(content)
    return [path for path in content if path in above]


def is_file(content: Content | None) -> bool:
    return content is not None and "" in content


@dataclass
class Holding:
    """What a cache or a remote must hold. ``maybe`` are bytes that it once held and may
    still, ``lost`` are listings that a disk destroyed.
    """

    data: set[bytes] = field(default_factory=set)
    listings: set[frozenset[tuple[str, Entry]]] = field(default_factory=set)
    maybe: set[bytes] = field(default_factory=set)
    lost: set[frozenset[tuple[str, Entry]]] = field(default_factory=set)

    def take(self, content: Content) -> None:
        self.data |= {entry.data for entry in content.values()}
        self.maybe |= self.data
        self.add_listing(content)

    def add_listing(self, content: Content) -> None:
        if not is_file(content):
            self.listings.add(listing(content))
            self.lost.discard(listing(content))

    def lose_listings(self, kept: set[frozenset[tuple[str, Entry]]]) -> None:
        """Any but those kept may be gone."""
        self.lost |= self.listings - kept
        self.listings &= kept

    def lacks(self, content: Content) -> set[bytes]:
        return {entry.data for entry in content.values()} - self.data

    def lists(self, content: Content) -> bool:
        return is_file(content) or listing(content) in self.listings

    def holds(self, content: Content) -> bool:
        return self.lists(content) and not self.lacks(content)

    def keep_only(self, contents: list[Content]) -> None:
        """What nothing refers to may go."""
        self.data &= {entry.data for content in contents for entry in content.values()}
        self.listings &= {listing(content) for content in contents}


class Outcome(NamedTuple):
    """What may stand at a target after a command, whether all of it was done, and what
    was then last brought here.
    """

    files: Content | None
    is_done: bool
    last: Content | None


@dataclass
class Clone:
    """One workspace: what stands in it, what its pointers say, and what was last
    brought there or recorded from it.
    """

    name: str
    hooks: bool
    cache: Holding
    files: State = field(default_factory=dict)
    recorded: State = field(default_factory=dict)
    last: dict[str, Content | None] = field(default_factory=dict)
    lock: Lock = field(default_factory=dict)

    def is_clean(self) -> bool:
        return all(
            self.files.get(target) == content
            for target, content in self.recorded.items()
        )

    def never_here(self, target: str) -> Content:
        """What is recorded of a directory and neither stands here nor ever did: nobody
        deleted it.
        """
        present, recorded = self.files.get(target), self.recorded.get(target)
        if present is None or recorded is None or is_file(present) or is_file(recorded):
            return {}
        last = self.last.get(target) or {}
        absent = {
            path: entry
            for path, entry in recorded.items()
            if path not in present and path not in last
        }
        in_the_way = set(present) | set(ancestors(present))
        return {
            path: entry
            for path, entry in absent.items()
            if path not in in_the_way and not set(ancestors([path])) & set(present)
        }

    def checkout(
        self, target: str, wanted: Content | None, store: Holding, seen: Content | None
    ) -> list[Outcome]:
        """Every outcome of a checkout of one target that the semantics permit, the
        likeliest first. Of files that may or may not be had, those that are seen were
        brought.
        """
        present = self.files.get(target)
        if wanted is not None and wanted == present:
            return [Outcome(present, True, wanted)]
        found: list[Outcome] = []
        lasts = [self.last.get(target)]
        if lasts[0] is not None and not self.cache.lists(lasts[0]):
            lasts.append(None)  # its listing may be gone: then the checkout is careful
        for last in lasts:
            for guess in (True, False):
                found += self._outcomes(
                    target, wanted, last, store, seen or {}, guess=guess
                )
        return [item for number, item in enumerate(found) if item not in found[:number]]

    def _outcomes(
        self,
        target: str,
        wanted: Content | None,
        last: Content | None,
        store: Holding,
        seen: Content,
        *,
        guess: bool,
    ) -> Iterator[Outcome]:
        present = self.files.get(target)
        result, conflicts = self._three_trees(present, wanted, last, store, guess=guess)
        refused = Outcome(present, False, self.last.get(target))
        if conflicts:
            yield refused
            return
        written = {
            path for path, entry in result.items() if (present or {}).get(path) != entry
        }
        lacking = {path for path in written if result[path].data not in self.cache.data}
        if {result[path].data for path in lacking} <= self.cache.maybe:
            yield Outcome(
                None if wanted is None and not result else result, True, wanted
            )
        if lacking or (wanted is not None and not self.cache.lists(wanted)):
            yield refused
            yield self._in_part(
                present or {}, result, lacking, wanted or {}, last or {}
            )
            came = {
                path
                for path in lacking
                if seen.get(path) == result[path]
                and result[path].data in self.cache.maybe
            }
            if came:
                yield self._in_part(
                    present or {}, result, lacking - came, wanted or {}, last or {}
                )

    def _in_part(
        self,
        present: Content,
        result: Content,
        lacking: set[str],
        wanted: Content,
        last: Content,
    ) -> Outcome:
        """What can be had is put in place; what cannot stays as it was, and counts as
        it did before.
        """
        files = {path: entry for path, entry in result.items() if path not in lacking}
        files |= {path: present[path] for path in lacking if path in present}
        brought = {path: entry for path, entry in wanted.items() if path not in lacking}
        brought |= {path: last[path] for path in lacking if path in last}
        return Outcome(files or None, False, brought)

    def _three_trees(
        self,
        present: Content | None,
        wanted: Content | None,
        last: Content | None,
        store: Holding,
        *,
        guess: bool,
    ) -> tuple[Content, list[str]]:
        """Last, wanted and present: what only the recorded version changed is replaced,
        what only the person changed is left, what both changed is refused. Files that
        are simply gone are put back.
        """
        old, new = present or {}, wanted or {}
        result, conflicts = dict(old), []
        for path in old.keys() | new.keys():
            here, there = old.get(path), new.get(path)
            if here == there:
                continue
            if here is not None:
                is_saved = here.data in self.cache.data or (
                    guess and here.data in self.cache.maybe
                )
                before = last.get(path) if last is not None else None
                is_mine = here != before if last is not None else not is_saved
                is_moved = there != before if last is not None else there is not None
                if (is_mine and not is_moved) or (
                    last is None and there is None and not guess
                ):
                    continue
                if is_mine or not (is_saved or here.data in store.data):
                    conflicts.append(path)
                    continue
            result.pop(path, None)
            if there is not None:
                result[path] = there
        # a file cannot stand where a directory keeps a file of the person's own
        conflicts += clashes(result)
        return result, conflicts


@dataclass
class World:
    """The remote, and what each commit and each text of a pointer or lock says."""

    store: Holding = field(default_factory=Holding)
    has_store: bool = False
    commits: dict[str, State] = field(default_factory=dict)
    commit_locks: dict[str, Lock] = field(default_factory=dict)
    texts: dict[str, Content] = field(default_factory=dict)
    by_hand: list[tuple[str, object, Content]] = field(default_factory=list)
    """Of each output that was recorded by hand: its name, what its stage would have
    read, and what was recorded.
    """
    locks: dict[str, Lock] = field(default_factory=lambda: {"": {}})


def merge(base: State, ours: State, theirs: State, side: str = "") -> State | None:
    """Merges what two commits record, directories file by file; where both sides
    changed the same thing, the one that ``side`` names is taken, or there is no result.
    """
    merged: State = {}
    for target in ours.keys() | theirs.keys():
        before, mine, other = base.get(target), ours.get(target), theirs.get(target)
        chosen: Content | None
        if mine == other or before == other:
            chosen = mine
        elif before == mine:
            chosen = other
        elif mine is None or other is None:
            return None
        elif is_file(mine) or is_file(other):
            chosen = {"ours": mine, "theirs": other}.get(side)
            if chosen is None:
                return None
        else:
            chosen = merge_files(
                {} if before is None or is_file(before) else before, mine, other, side
            )
            if chosen is None:
                return None
        if chosen is not None:
            merged[target] = chosen
    return merged


def merge_files(
    base: Content, ours: Content, theirs: Content, side: str
) -> Content | None:
    merged: Content = {}
    for path in ours.keys() | theirs.keys():
        before, mine, other = base.get(path), ours.get(path), theirs.get(path)
        if mine == other or before == other:
            chosen = mine
        elif before == mine:
            chosen = other
        elif side:
            chosen = mine if side == "ours" else other
        else:
            return None
        if chosen is not None:
            merged[path] = chosen
    return None if clashes(merged) else merged


def merge_locks(base: Lock, ours: Lock, theirs: Lock) -> Lock:
    """Merges what stages wrote; a stage that both sides ran differently has no result
    for the merged state.
    """
    merged: Lock = {}
    for out in ours.keys() | theirs.keys():
        before, mine, other = base.get(out), ours.get(out), theirs.get(out)
        chosen = (
            mine
            if mine == other or before == other
            else other
            if before == mine
            else None
        )
        if chosen is not None:
            merged[out] = chosen
    return merged
