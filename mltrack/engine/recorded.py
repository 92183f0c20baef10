"""What a project records at one moment, and how what it names is read: the workspace,
or a revision of any repository.

A workspace adds looking at what stands there, and writing; a revision needs none.
"""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mltrack.engine.view import View
from mltrack.errors import MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.objects.tree import Entry
from mltrack.objects.tree_walk import entry_at, leaves
from mltrack.pipeline.paths import contains
from mltrack.store.local.cache import Cache


class Recorded(NamedTuple):
    """Pointers, locks and pipelines at one moment (``view``), and where the bytes that
    they name may lie. ``supply`` gets an object that the cache lacks, if it can be had:
    it returns the bytes, or None where the cache is to be asked again; without it, what
    is not here is an error.
    """

    view: View
    algorithm: Algorithm
    cache: Cache
    supply: Callable[[str], bytes | None] | None = None

    @property
    def is_workspace(self) -> bool:
        """Whether it is the workspace: then files are read as they stand there."""
        return self.view.project_path is not None

    def read(self, path: str) -> bytes | None:
        """Returns the bytes of a file, or None if it was not there: of the workspace
        from disk, of a revision from git, or from the cache by the lock's word. Raises
        MissingObjectError if the cache lacks them.
        """
        data = self.view.read(path)
        if data is not None or self.is_workspace:
            return data
        hex_digest = self._digest_of(path)
        if not hex_digest:
            return None
        try:
            return self.read_object(hex_digest)
        except MissingObjectError as error:
            name = self.view.name
            raise MissingObjectError(
                f"{path} of {name} is not in the cache",
                hint=f"mltrack fetch --rev {name}",
            ) from error

    def read_object(self, hex_digest: str) -> bytes:
        """Returns the bytes of an object; raises MissingObjectError if it cannot be had."""
        if self.supply is not None and not self.cache.has(hex_digest):
            data = self.supply(hex_digest)
            if data is not None:
                return data
        return self.cache.read(hex_digest)

    def read_tree(self, hex_digest: str) -> list[Entry]:
        """Returns the entries of a directory; raises MissingObjectError if its listing
        cannot be had.
        """
        return tree.decode(self.read_object(hex_digest), self.algorithm.hex_size)

    def read_differing(self, old: str, new: str) -> tuple[list[Entry], list[Entry]]:
        """Returns the entries of two directories, without most of those that are equal
        in both; raises as :meth:`read_tree` does.
        """
        texts = self.read_object(old), self.read_object(new)
        return tree.decode_differing(*texts, self.algorithm.hex_size)

    def read_if_ever(self, path: str) -> bytes | None:
        """Like :meth:`read`, but None only for what was never written: raises
        MissingObjectError for an output that is recorded and not here.
        """
        data = self.read(path)
        if data is None and any(contains(out, path) for out, _ in self._outputs()):
            at = "" if self.is_workspace else f" at {self.view.name}"
            raise MissingObjectError(
                f"{path}{at} is not here", hint=f"mltrack pull {path}"
            )
        return data

    def files_of(self, path: str) -> list[str]:
        """Returns the files of a directory that is an output or lies in one, sorted; the
        path itself if it is a file. Of a revision what git keeps is seen as git has it.
        """
        if self.view.project_path is not None:
            return _files_below(self.view.project_path, path)
        kept = self.view.git_files(path)
        if kept:
            return kept
        listing = self._listing_of(path)
        if not listing:
            return [path]
        return sorted(
            f"{path}/{os.fsdecode(name)}"
            for name, entry in leaves(listing, self.read_tree)
            if entry.kind != tree.DIRECTORY
        )

    def _listing_of(self, path: str) -> str:
        """The digest of a directory that a lock names, or that lies in one which it
        names; '' for none.
        """
        for out, content in self._outputs():
            if content.kind == TREE and out == path:
                return content.hex
            if content.kind == TREE and contains(out, path):
                inner = os.fsencode(path[len(out) + 1 :])
                found = entry_at(content.hex, inner, self.read_tree)
                if found is not None and found.kind == tree.DIRECTORY:
                    return found.hex
        return ""

    def not_here(self, type_: str) -> list[str]:
        """Returns the outputs of a type that are recorded and whose bytes are not here:
        not in the workspace, or of a revision not in the cache.
        """
        targets = self.view.targets()
        outs = (
            out
            for stage in self.view.graph.stages.values()
            for out in stage.outs
            if out.type == type_
        )
        return [
            out.path
            for out in outs
            if out.path in targets
            and not self._is_here(out.path, targets[out.path].content)
        ]

    def _is_here(self, path: str, content: Content) -> bool:
        if self.view.project_path is not None:
            return os.path.lexists(os.path.join(self.view.project_path, path))
        return self.cache.holds(content)

    def _outputs(self) -> Iterator[tuple[str, Content]]:
        for entries in self.view.locks.values():
            for entry in entries.values():
                yield from entry.outs.items()

    def _digest_of(self, path: str) -> str:
        """The digest of a file that a lock names, or that lies in a directory which one
        does; '' for none.
        """
        for out, content in self._outputs():
            if out == path and content.kind != TREE:
                return content.hex
            if content.kind == TREE and out != path and contains(out, path):
                found = entry_at(
                    content.hex, os.fsencode(path[len(out) + 1 :]), self.read_tree
                )
                if found is not None:
                    return found.hex
        return ""


def _files_below(top: str, path: str) -> list[str]:
    place = os.path.join(top, path)
    if not os.path.isdir(place):
        return [path]
    return sorted(
        os.path.relpath(os.path.join(directory, name), top)
        for directory, _, names in os.walk(place)
        for name in names
    )
