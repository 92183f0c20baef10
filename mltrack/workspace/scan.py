"""The walk over one file or directory: stamps first, bytes only where the stamps do not
prove them unchanged.

Walks are iterative, since directories may be deep. What cannot be represented (devices,
links that leave the directory, names of git's own) is collected and refused by name,
all of it at once.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from mltrack.disk.durable import is_temporary
from mltrack.errors import FormatError, MltrackError, WorkspaceError
from mltrack.events import meter
from mltrack.objects import tree
from mltrack.objects.content import EXEC, FILE, TREE, Content
from mltrack.objects.tree import Entry
from mltrack.workspace.ignore import Rule
from mltrack.workspace.ingest import Ingest
from mltrack.workspace.stat_index import (
    NEVER,
    STAMPS,
    Block,
    Blocks,
    differs_in_ctime_only,
    is_trustworthy,
    stamps,
    stamps_of,
)

Report = Callable[[int], None]


@dataclass(slots=True)
class Snapshot:
    """What stands at a root: its content, and for a directory the blocks that its trees
    are made of.

    ``changed`` says whether the blocks differ from those that the scan was given.
    """

    content: Content
    blocks: Blocks = field(default_factory=Blocks)
    changed: bool = False
    _by_tree: dict[str, bytes] | None = None

    def load(self, hex_digest: str) -> list[Entry]:
        """Returns the entries of one of the snapshot's own trees; raises KeyError for
        any other.
        """
        if self._by_tree is None:
            self._by_tree = {
                block.tree_hex: path for path, block in self.blocks.items()
            }
        return self.blocks.tree_entries(self._by_tree[hex_digest])


def no_report(count: int) -> None:
    """The reader of progress that nobody listens to."""


class Links(Protocol):
    """Tells which files of the workspace are the cache's own, by link."""

    def object_behind(self, target: bytes) -> str | None: ...
    def is_own(self, hex_digest: str, state: os.stat_result) -> bool: ...


class Look(NamedTuple):
    """How a scan looks at files: what becomes of their bytes, which names are left out,
    and which links are the cache's own.

    With ``strict`` a link must stay inside the root, and the root must not be one.
    ``report`` is told how many files were seen.
    """

    ingest: Ingest
    rule: Rule
    links: Links
    strict: bool = True
    report: Report = no_report


def scan(top: str, root: str, known: Blocks, look: Look) -> Snapshot | None:
    """Returns what stands at ``root`` below the directory ``top``, or None if nothing
    does.

    Raises WorkspaceError naming every path that cannot be represented or read.
    """
    path = os.fsencode(os.path.join(top, root))
    try:
        state = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(state.st_mode):
        return _Walk(path, os.fsencode(root), known, look).run()
    if stat.S_ISREG(state.st_mode):
        return _scan_file(path, state, known, look)
    row = _linked_row(path, look.links) if stat.S_ISLNK(state.st_mode) else None
    if row is not None:
        size = STAMPS.unpack(row[0])[0]
        block = Block([b""], row[0], row[1], [row[2]], size=size, files=1)
        return Snapshot(Content(FILE, row[2], size), Blocks({b"": block}), changed=True)
    kind = (
        "a symbolic link"
        if stat.S_ISLNK(state.st_mode)
        else "not a regular file or directory"
    )
    raise WorkspaceError(
        f"{root!r} is {kind}", hint="put the file or directory itself there"
    )


def _scan_file(
    path: bytes, state: os.stat_result, known: Blocks, look: Look
) -> Snapshot:
    """A file root is a block with one row, under the empty name."""
    block = known.get(b"")
    ingest = look.ingest
    if block is not None and block.names == [b""] and not ingest.keeps(block.hexes):
        row = _still(block.stamps, block.kinds, block.hexes[0], state, look.links)
        if row is not None:
            kind = EXEC if block.kinds == tree.EXEC else FILE
            changed = row != block.stamps
            if changed:
                known = Blocks(
                    {
                        b"": Block(
                            [b""],
                            row,
                            block.kinds,
                            block.hexes,
                            size=state.st_size,
                            files=1,
                        )
                    }
                )
            return Snapshot(
                Content(kind, block.hexes[0], state.st_size), known, changed
            )
    read = ingest.file(path)
    kind = tree.EXEC if read.is_exec else tree.FILE
    blocks = Blocks(
        {b"": Block([b""], read.stamps, kind, [read.hex], size=read.size, files=1)}
    )
    return Snapshot(
        Content(EXEC if read.is_exec else FILE, read.hex, read.size),
        blocks,
        changed=True,
    )


def _note_unchanged(states: list[os.stat_result]) -> None:
    """Counts what needs no hashing as done, too."""
    meter.files += len(states)
    if meter.is_watched:
        meter.hashed += sum(state.st_size for state in states)


def _still(
    column: bytes, kind: str, hex_digest: str, state: os.stat_result, links: Links
) -> bytes | None:
    """Returns a row's stamps, made new where a link moved them, if the file is still
    what the row says; else None.
    """
    now = stamps(state)
    if column == now:
        return now
    if (
        kind == tree.FILE
        and differs_in_ctime_only(column, state)
        and links.is_own(hex_digest, state)
    ):
        # new links moved its change time: a fresh one is not kept yet
        return now if is_trustworthy(state, time.time_ns()) else column
    return None


def _linked_row(path: bytes, links: Links) -> tuple[bytes, str, str] | None:
    """Returns the row of a symbolic link to an object of the cache: it stands for the
    file itself.
    """
    hex_digest = links.object_behind(os.readlink(path))
    if hex_digest is None:
        return None
    try:
        state = os.stat(path)
    except FileNotFoundError:
        raise WorkspaceError(
            f"{os.fsdecode(path)!r} links to an object that is gone from the cache",
            hint="mltrack pull",
        ) from None
    if state.st_mode & 0o222 or not stat.S_ISREG(state.st_mode):
        raise WorkspaceError(
            f"{os.fsdecode(path)!r} links to an object of the cache that can be "
            "written: it may have been changed",
            hint="mltrack fsck",
        )
    # the size alone: what a link says is read each time
    return STAMPS.pack(state.st_size, 0, 0, 0, 0), tree.FILE, hex_digest


class _Listing(NamedTuple):
    """What one directory holds, sorted: names and states of its files and links, and
    the names of its directories.
    """

    names: list[bytes]
    states: list[os.stat_result]
    directories: list[bytes]


class _Walk:
    """One walk over a directory, top-down for stamps, then bottom-up for trees."""

    def __init__(self, path: bytes, root: bytes, known: Blocks, look: Look) -> None:
        self.path, self.root, self.known = path, root, known
        self.ingest, self.rule, self.links, self.strict, self.report = look
        self.blocks = Blocks()
        self.problems: list[str] = []
        self.changed = False
        self.count = 0

    def run(self) -> Snapshot:
        pending = [b""]
        while pending:
            directory = pending.pop()
            block = self.block(directory)
            self.blocks[directory] = block
            pending += [
                directory + b"/" + name if directory else name
                for name in reversed(block.directories)
            ]
        # all of them are named at once, and nothing is made of a part
        if self.problems:
            raise _refusal(self.problems)
        # against the order of the walk: what is below has its tree first
        for directory in list(reversed(self.blocks)):
            self.close(directory)
        self.changed = self.changed or self.blocks.keys() != self.known.keys()
        top = self.blocks[b""]
        return Snapshot(
            Content(TREE, top.tree_hex, top.size, top.files), self.blocks, self.changed
        )

    def block(self, directory: bytes) -> Block:
        here = self.path + b"/" + directory if directory else self.path
        prefix = b"/".join(filter(None, (self.root, directory))) + b"/"
        old = self.known.get(directory)
        listing = self.listing(here, prefix, old)
        names, states, directories = listing
        column = stamps_of(states)
        self.count += len(names)
        self.report(self.count)
        if (
            # the usual case: one comparison for a whole directory
            old is not None
            and old.stamps == column
            and old.names == names
            and not self.ingest.keeps(old.hexes)
        ):
            _note_unchanged(states)
            return replace(old, names=names, stamps=column, directories=directories)
        self.changed = True
        return self.read_rows(here, prefix, listing, old)

    def listing(self, here: bytes, prefix: bytes, old: Block | None) -> _Listing:
        """Lists a directory, but for what the rule leaves out and what no tree can
        name.
        """
        listing = _Listing([], [], [])
        names, states, directories = listing
        checked = self.checked(old)
        skip = self.rule.below(prefix[:-1])
        try:
            with os.scandir(here) as found:
                # in the index's order: equal columns are compared as bytes
                listed = sorted([(entry.name, entry) for entry in found])
            for name, entry in listed:
                is_directory = entry.is_dir(follow_symlinks=False)
                if skip is not None and skip(prefix + name, is_directory):
                    continue
                # checked when it was new: not again with each status
                if name not in checked and not self.allowed(prefix + name, name):
                    continue
                if is_directory:
                    directories.append(name)
                    continue
                try:
                    states.append(entry.stat(follow_symlinks=False))
                    names.append(name)
                except FileNotFoundError:
                    self.problems.append(_vanished(prefix + name))
        except FileNotFoundError:
            self.problems.append(_vanished(prefix))
        except OSError as error:
            # not an empty directory: all in it would count as deleted
            self.problems.append(f"{os.fsdecode(prefix)!r}: {error.strerror}")
        return listing

    def checked(self, old: Block | None) -> set[bytes]:
        """The names that a former scan has found to be allowed."""
        return {*old.names, *old.directories} if old is not None else set()

    def allowed(self, path: bytes, name: bytes) -> bool:
        # of a checkout that was killed, or is at work: no data of the person's
        if is_temporary(os.fsdecode(name)):
            return False
        try:
            tree.check_name(name)
        except FormatError as error:
            self.problems.append(f"{os.fsdecode(path)!r}: {error.message}")
            return False
        return True

    def read_rows(
        self, here: bytes, prefix: bytes, listing: _Listing, old: Block | None
    ) -> Block:
        names, states, directories = listing
        rows = old.rows() if old is not None else {}
        reused = [rows[name][2] for name in names if name in rows]
        needed = self.ingest.keeps(reused) if reused else set()
        kept: list[bytes] = []
        columns: list[bytes] = []
        kinds: list[str] = []
        hexes: list[str] = []
        for name, state in zip(names, states, strict=True):
            row = rows.get(name)
            still = (
                _still(*row, state, self.links)
                if row is not None and row[2] not in needed
                else None
            )
            if row is not None and still is not None:
                meter.files += 1
                meter.hashed += state.st_size
                column, kind, hex_digest = still, row[1], row[2]
            else:
                found = self.read_row(here + b"/" + name, prefix + name, state)
                if found is None:
                    continue
                column, kind, hex_digest = found
            kept.append(name)
            columns.append(column)
            kinds.append(kind)
            hexes.append(hex_digest)
        return Block(kept, b"".join(columns), "".join(kinds), hexes, directories)

    def read_row(
        self, path: bytes, shown: bytes, state: os.stat_result
    ) -> tuple[bytes, str, str] | None:
        try:
            if stat.S_ISREG(state.st_mode):
                read = self.ingest.file(path)
                # an empty stamp still carries the size: tree entries are made from the
                # column
                column = (
                    read.stamps
                    if read.stamps != NEVER
                    else STAMPS.pack(read.size, 0, 0, 0, 0)
                )
                return column, tree.EXEC if read.is_exec else tree.FILE, read.hex
            if stat.S_ISLNK(state.st_mode):
                linked = _linked_row(path, self.links)
                if linked is not None:
                    return linked
                moment = time.time_ns()
                target = os.readlink(path)
                if self.strict and leaves_root(shown[len(self.root) + 1 :], target):
                    self.problems.append(
                        f"{os.fsdecode(shown)!r} is a link to "
                        f"{os.fsdecode(target)!r}, outside the directory"
                    )
                    return None
                # where links are seen through, their own stamps prove nothing
                trusted = self.strict and is_trustworthy(state, moment)
                column = (
                    stamps(state) if trusted else STAMPS.pack(len(target), 0, 0, 0, 0)
                )
                return column, tree.SYMLINK, self.ingest.link(path, target)
            self.problems.append(
                f"{os.fsdecode(shown)!r} is not a regular file (a pipe, socket or "
                "device)"
            )
        except FileNotFoundError:
            self.problems.append(_vanished(shown))
        except OSError as error:
            if error.filename not in (None, path):
                # it is the cache that cannot be written, not the file that cannot be
                # read
                raise
            self.problems.append(f"{os.fsdecode(shown)!r}: {error.strerror}")
        except MltrackError as error:
            self.problems.append(error.message)
        return None

    def close(self, directory: bytes) -> None:
        """Gives a directory its tree, once all below it have theirs."""
        block = self.blocks[directory]
        if not self.rule.keeps_empty:
            self.drop_empty(directory, block)
        below = [
            self.blocks[directory + b"/" + name if directory else name]
            for name in block.directories
        ]
        old = self.known.get(directory)
        self.changed = (
            self.changed or old is None or block.directories != old.directories
        )
        if (
            block.tree_hex
            and old is not None
            and not self.ingest.keeps([block.tree_hex])
            and self.same_below(directory, block, old)
        ):
            return
        entries = self.blocks.tree_entries(directory)
        block.tree_hex = self.ingest.tree(tree.encode(entries))
        block.size = sum(entry.size for entry in entries)
        block.files = len(block.names) + sum(child.files for child in below)

    def drop_empty(self, directory: bytes, block: Block) -> None:
        """Forgets the directories, already closed, that hold no file at any depth."""
        prefix = directory + b"/" if directory else b""
        empty = {
            name for name in block.directories if not self.blocks[prefix + name].files
        }
        for name in empty:
            del self.blocks[prefix + name]
        block.directories = [name for name in block.directories if name not in empty]

    def same_below(self, directory: bytes, block: Block, old: Block) -> bool:
        if block.directories != old.directories:
            return False
        paths = [
            directory + b"/" + name if directory else name for name in block.directories
        ]
        return all(
            path in self.known
            and self.known[path].tree_hex == self.blocks[path].tree_hex
            for path in paths
        )


def leaves_root(path: bytes, target: bytes) -> bool:
    """Returns whether a link at ``path``, relative to a root, points outside that root."""
    # even into the directory: on another machine it leads elsewhere
    if target.startswith(b"/"):
        return True
    depth = path.count(b"/")
    for part in target.split(b"/"):
        if part == b"..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in (b"", b"."):
            depth += 1
    return False


def _vanished(path: bytes) -> str:
    return f"{os.fsdecode(path)!r} vanished while it was being read"


def _refusal(problems: list[str]) -> WorkspaceError:
    # twenty: nobody reads the names of a hundred thousand
    shown = problems[:20] + (
        [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
    )
    return WorkspaceError(
        "cannot be recorded:\n  " + "\n  ".join(shown),
        hint="move them away, or name them in .mltrackignore",
    )
