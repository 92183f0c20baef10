"""Building a whole directory aside and giving it its name once: what a checkout does
where nothing stands yet.

No file needs a temporary name of its own, since nobody sees the directory before it is
complete. For the same reason its files' stamps can be trusted as soon as the clock has
moved on: the stat index is filled on the way.
"""

import errno
import os
from contextlib import suppress

from mltrack.disk.beneath import Beneath
from mltrack.disk.durable import opened, remove_stale_temporaries, temporary_path
from mltrack.disk.write_back import WriteBack
from mltrack.errors import MissingObjectError
from mltrack.objects.content import Content
from mltrack.objects.tree import DIRECTORY, SYMLINK, Entry
from mltrack.objects.tree_walk import extents
from mltrack.store.local.cache import Cache
from mltrack.store.local.reader import Reader
from mltrack.workspace.checkout_plan import Whole
from mltrack.workspace.materialize import (
    Report,
    Workspace,
    in_the_way,
    link_target,
    put_file,
)
from mltrack.workspace.scan import Snapshot
from mltrack.workspace.stat_index import (
    Block,
    Blocks,
    has_coarse_stamps,
    settle,
    stamps,
)


def survey(content: Content, cache: Cache) -> Whole:
    """Reads all trees of a content; raises MissingObjectError if anything at or below
    it is not in the cache.
    """
    # handed on with the plan: building opens none of them again
    trees: dict[str, list[Entry]] = {}

    def load(hex_digest: str) -> list[Entry]:
        if hex_digest not in trees:
            trees[hex_digest] = cache.read_tree(hex_digest)
        return trees[hex_digest]

    files = extents(content.hex, load)
    lacking = cache.missing(
        {
            entry.hex
            for entries in trees.values()
            for entry in entries
            if entry.kind != DIRECTORY
        }
    )
    if lacking:
        first = min(lacking)
        raise MissingObjectError(
            f"{len(lacking)} of its objects are not in the cache, first "
            f"{cache.algorithm.text(first)}",
            context=first,
        )
    return Whole(content, trees, files)


def create(
    workspace: Workspace, root: bytes, whole: Whole, report: Report
) -> Snapshot | None:
    """Makes ``root`` be the directory; returns what stands there then, or None if its
    stamps cannot be trusted.

    Raises OSError with EXDEV, and has then changed nothing, where the root is on
    another file system than the directory for temporary files.
    """
    # a checkout that was killed here left as much as it had written
    remove_stale_temporaries(workspace.tmp_path)
    aside = temporary_path(workspace.tmp_path)
    os.mkdir(aside)
    try:
        with Beneath(workspace.project_path) as project:
            parent, name = project.parent(root, create=True)
            # before anything is written: no rename crosses file systems
            if os.fstat(parent).st_dev != os.stat(aside).st_dev:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), aside)
            with (
                opened(aside, os.O_RDONLY | os.O_DIRECTORY) as top,
                WriteBack(top) as back,
            ):
                builder = _Builder(aside, root, whole, workspace.cache)
                builder.run(back, report)
                # a name is never seen before what it names is there to stay
                back.finish()
            # before it has its name: whoever writes later leaves other stamps
            settle(builder.youngest)
            try:
                os.rename(aside, name, dst_dir_fd=parent)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise in_the_way(root) from error
                raise
    except BaseException:
        remove_below(aside)
        raise
    # in a grain of whole seconds a later write may leave the same stamps
    if builder.is_coarse:
        return None
    return Snapshot(whole.content, builder.blocks, changed=True)


class _Builder:
    """Fills one directory, depth first."""

    def __init__(self, top: str, root: bytes, whole: Whole, cache: Cache) -> None:
        self.top, self.root, self.whole, self.cache = top, root, whole, cache
        self.blocks = Blocks()
        self.youngest = 0
        self.is_coarse = False

    def run(self, back: WriteBack, report: Report) -> None:
        done = 0
        pending = [(b"", self.whole.content.hex)]
        with Beneath(self.top) as beneath, Reader(self.cache) as reader:
            while pending:
                at, hex_digest = pending.pop()
                directory = beneath.directory(at, create=True)
                below = self.fill(directory, at, hex_digest, reader)
                done += len(self.blocks[at].names)
                back.wrote(self.blocks[at].size)
                report(done, self.whole.content.files)
                # depth first: directories on the way stay open
                pending += [
                    (at + b"/" + name if at else name, below_hex)
                    for name, below_hex in reversed(below)
                ]

    def fill(
        self, directory: int, at: bytes, hex_digest: str, reader: Reader
    ) -> list[tuple[bytes, str]]:
        names: list[bytes] = []
        columns: list[bytes] = []
        kinds: list[str] = []
        hexes: list[str] = []
        below: list[tuple[bytes, str]] = []
        size = 0
        for entry in self.whole.trees[hex_digest]:
            name, kind, digest, length = entry
            size += length
            if kind == DIRECTORY:
                below.append((name, digest))
                continue
            column, state = self.create(directory, at, entry, reader)
            # the last change of all is the one that the clock has to leave behind
            if state.st_ctime_ns > self.youngest:
                self.youngest = state.st_ctime_ns
                self.is_coarse = has_coarse_stamps(state)
            names.append(name)
            columns.append(column)
            kinds.append(kind)
            hexes.append(digest)
        directories = [name for name, _ in below]
        self.blocks[at] = Block(
            names,
            b"".join(columns),
            "".join(kinds),
            hexes,
            directories,
            hex_digest,
            size,
            self.whole.files[hex_digest],
        )
        return below

    def create(
        self, directory: int, at: bytes, entry: Entry, reader: Reader
    ) -> tuple[bytes, os.stat_result]:
        if entry.kind != SYMLINK:
            return put_file(directory, entry.name, entry, reader, self.cache)
        path = b"/".join(filter(None, (self.root, at, entry.name)))
        os.symlink(
            link_target(path, entry, self.root, self.cache),
            entry.name,
            dir_fd=directory,
        )
        state = os.stat(entry.name, dir_fd=directory, follow_symlinks=False)
        return stamps(state), state


def remove_below(path: str) -> None:
    """Removes a directory that was being built, whatever is in it; a failure leaves the
    rest for the next sweep.
    """
    with suppress(OSError):
        import shutil  # noqa: PLC0415 - only on the way out of an error

        shutil.rmtree(path, ignore_errors=True)
