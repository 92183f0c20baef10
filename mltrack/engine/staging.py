"""What a job's inputs are as objects, and where their bytes are, for a runner that
works in another place.

A dependency is identified by what a command sees through its links; sent is what stands
there, links as links. So its digest as an object is taken anew wherever a directory
holds links. Nothing is copied: the bytes are read where they lie, when the runner asks
for them.
"""

import os
from collections.abc import Callable, Mapping

from mltrack.errors import WorkspaceError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.pipeline.paths import contains
from mltrack.store.local.cache import Cache
from mltrack.store.local.caches import Caches
from mltrack.workspace.observe import Observer
from mltrack.workspace.scan import Snapshot


class Staged:
    """The inputs of one job. See :class:`mltrack.runners.job.Origin`; a runner asks
    from threads of its own.
    """

    def __init__(self, project_path: str, cache: Cache) -> None:
        self.inputs: dict[str, Content] = {}
        self._project_path, self._caches = project_path, Caches(cache)
        self._snapshots: dict[str, Snapshot] = {}
        self._index: dict[str, bytes | str] | None = None
        self._below: dict[str, list[str]] = {}

    def add(self, path: str, snapshot: Snapshot) -> None:
        self.inputs[path] = snapshot.content
        self._snapshots[path] = snapshot

    def add_absent(self, path: str, content: Content) -> None:
        """Takes an input that does not stand in the workspace: its bytes are in the
        cache, or where the job will run.
        """
        self.inputs[path] = content

    def links_below(self, path: str) -> list[str]:
        """Returns the paths of symbolic links in an input that stands in the workspace."""
        snapshot = self._snapshots.get(path)
        if snapshot is None or snapshot.content.kind != TREE:
            return []
        return [
            os.path.join(path, os.fsdecode(directory), os.fsdecode(name))
            for directory, block in snapshot.blocks.items()
            for name, kind in zip(block.names, block.kinds, strict=True)
            if kind == tree.SYMLINK
        ]

    def find(self, hex_digest: str) -> bytes | str | None:
        # only when asked for: where the inputs are there already nobody asks
        if self._index is None:
            self._index = dict(self._rows())
        found = self._index.get(hex_digest)
        if found is not None:
            return found
        # the thread's own: a cache belongs to who made it
        cache = self._caches.get()
        place = cache.find(hex_digest)
        if place is None:
            return None
        return place.path if not place.pack_id else cache.read(hex_digest)

    def trees_below(self, hex_digest: str) -> list[str]:
        self.find(hex_digest)
        is_input = any(
            content.kind == TREE and content.hex == hex_digest
            for content in self.inputs.values()
        )
        # a file of the cache is not to be read as a tree
        if hex_digest not in self._below and not is_input:
            return []
        found: dict[str, None] = {}
        pending = [hex_digest]
        while pending:
            one = pending.pop()
            if one in found:
                continue
            below = self._trees_in(one)
            # what is not here may be there: it is not offered, and asked for if not
            if below is not None or one == hex_digest:
                found[one] = None
                pending += below or []
        return list(found)

    def _trees_in(self, hex_digest: str) -> list[str] | None:
        """The trees that a tree names; None where its listing is not here."""
        known = self._below.get(hex_digest)
        if known is not None:
            return known
        cache = self._caches.get()
        if not cache.has(hex_digest):
            return None
        entries = cache.read_tree(hex_digest)
        self._below[hex_digest] = [
            entry.hex for entry in entries if entry.kind == tree.DIRECTORY
        ]
        return self._below[hex_digest]

    def _rows(self) -> list[tuple[str, bytes | str]]:
        """Every object of what stands in the workspace: trees and links as bytes, files
        as paths.
        """
        rows: list[tuple[str, bytes | str]] = []
        for path, snapshot in self._snapshots.items():
            full = os.path.join(self._project_path, path)
            if snapshot.content.kind != TREE:
                rows.append((snapshot.content.hex, full))
                continue
            for directory, block in snapshot.blocks.items():
                entries = snapshot.blocks.tree_entries(directory)
                rows.append((block.tree_hex, tree.encode(entries)))
                self._below[block.tree_hex] = [
                    entry[2] for entry in entries if entry[1] == tree.DIRECTORY
                ]
                here = os.path.join(full, os.fsdecode(directory)) if directory else full
                for name, kind, hex_digest in zip(
                    block.names, block.kinds, block.hexes, strict=True
                ):
                    inner = os.path.join(here, os.fsdecode(name))
                    rows.append(
                        (
                            hex_digest,
                            os.readlink(os.fsencode(inner))
                            if kind == tree.SYMLINK
                            else inner,
                        )
                    )
        return rows


def stage_inputs(
    observer: Observer,
    cache: Cache,
    known: Mapping[str, Content | None],
    absent_at: Callable[[str], Content | None],
) -> Staged:
    """Returns the inputs of a job. ``known`` says what each was when its run key was
    made, where that says it; ``absent_at`` what belongs at a path where nothing stands.
    Raises WorkspaceError for an input that is another by now.
    """
    staged = Staged(observer.project_path, cache)
    for path, content in known.items():
        snapshot = observer.as_objects(path)
        if snapshot is None:
            absent = absent_at(path)
            if absent is not None:
                staged.add_absent(path, absent)
            continue
        has_links = any(
            tree.SYMLINK in block.kinds for block in snapshot.blocks.values()
        )
        if (
            content is not None
            # with links the digests differ: one is of what they lead to
            and not has_links
            and not snapshot.content.same_bytes(content)
        ):
            # a part of it stands there, and the rest is known
            whole = absent_at(path)
            if whole is not None and whole.same_bytes(content):
                staged.add_absent(path, whole)
                continue
            raise WorkspaceError(
                f"{path!r} changed just now",
                hint="run this again when nothing writes to it",
            )
        staged.add(path, snapshot)
    _follow_links(observer, staged)
    return staged


def _follow_links(observer: Observer, staged: Staged) -> None:
    """Adds what links in the inputs lead to, elsewhere in the project: a command that
    follows them depends on it, and its identity counts it.
    """
    pending = dict(staged.inputs)
    while pending:
        path, _ = pending.popitem()
        for link in staged.links_below(path):
            real = observer.real_path(link)
            if not real and os.path.exists(os.path.join(observer.project_path, link)):
                raise WorkspaceError(
                    f"{link!r} leads outside the project, so another place would lack "
                    "it",
                    hint="copy what it leads to into the project",
                )
            if (
                real
                and real != "."
                # it goes along with the directory that holds it
                and not any(contains(known, real) for known in staged.inputs)
            ):
                snapshot = observer.as_objects(real)
                if snapshot is not None:
                    staged.add(real, snapshot)
                    pending[real] = snapshot.content
