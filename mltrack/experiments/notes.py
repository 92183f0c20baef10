"""What one experiment knows of its stages: what is recorded of them, and what they
read.
"""

import os
from collections.abc import Mapping

from mltrack.disk.durable import opened
from mltrack.engine.commit import put_file
from mltrack.engine.inputs import Learner, Sources
from mltrack.engine.params import Params
from mltrack.engine.view import View
from mltrack.errors import FormatError
from mltrack.experiments.record import Done
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_edit import edited
from mltrack.objects.tree_walk import extent
from mltrack.pipeline.paths import PathMap, contains
from mltrack.pipeline.stage import Entry, ParamFile, Stage
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter, NewTrees
from mltrack.store.pack import TREES
from mltrack.workspace.observe import Observer

_LETTERS = {"file": tree.FILE, "exec": tree.EXEC, "tree": tree.DIRECTORY}


class Notes:
    """The lock entries of one experiment: those of its base, and on top of them its own.
    See :class:`mltrack.engine.parts.Locks`.
    """

    def __init__(self, view: View) -> None:
        self.locks: dict[str, dict[str, Entry]] = {
            path: dict(entries) for path, entries in view.locks.items()
        }
        self.done: dict[str, Done] = {}
        self._broken: Mapping[str, FormatError] = view.broken_locks

    def entry(self, stage: Stage) -> Entry | None:
        if stage.lock_path in self._broken:
            raise self._broken[stage.lock_path]
        return self.locks.get(stage.lock_path, {}).get(stage.name)

    def record(self, stage: Stage, entry: Entry, done: Done) -> None:
        """Notes that a stage has a result."""
        self.locks.setdefault(stage.lock_path, {})[stage.name] = entry
        self.done[stage.address] = done

    def forget(self, lock_path: str, name: str) -> None:
        self.locks.get(lock_path, {}).pop(name, None)

    def refresh_if_changed(self, stage: Stage | None = None) -> None:
        """Nothing: nobody else writes to them."""


class StillLearner(Learner):
    """Looks at files that nobody changes meanwhile. What stages have made stands
    nowhere: it is in ``absent``, and directories of which git keeps a part are put
    together.
    """

    def __init__(
        self,
        observer: Observer,
        notes: Notes,
        cache: Cache,
        params: Params,
        sources: Sources,
    ) -> None:
        super().__init__(observer, notes, cache, params, sources)
        self._whole: dict[str, Content] = {}
        self.rewritten: PathMap[Content] = PathMap()
        """Params files with the values that were set: as they are once it is applied."""

    def forget(self, stage: Stage) -> None:
        """Looks once more at what was put together: it may have another part by now."""
        for path in stage.deps:
            self._whole.pop(path, None)

    def text_of(self, file: ParamFile, stage: Stage) -> bytes | None:
        if file.path in self.rewritten and any(
            contains(dep, file.path) for dep in stage.deps
        ):
            # with what it does not declare, too: its run key knows the whole file
            return self._cache.read(self.rewritten[file.path].hex)
        return super().text_of(file, stage)

    def absent_at(self, path: str) -> Content | None:
        # staged as one: all of its bytes are in the cache
        return self._whole.get(path) or super().absent_at(path)

    def _dependency(self, path: str) -> Content | None:
        if path in self.rewritten:
            self._whole[path] = self.rewritten[path]
        elif not self.absent.below(path) and not self.rewritten.below(path):
            return super()._dependency(path)
        if path not in self._whole:
            self._whole[path] = self._put_together(path)
        return self._whole[path]

    def _put_together(self, path: str) -> Content:
        """A directory of which git keeps one part, and mltrack another, or in which
        params are set.
        """
        here = self._observer.dependency(path)
        parts = {
            os.fsencode(out[len(path) + 1 :]): content
            for known in (self.absent, self.rewritten)
            for out in known.below(path)
            if (content := known[out]) is not None
        }
        entries = {
            name: tree.Entry(b"", _LETTERS[one.kind], one.hex, one.size)
            for name, one in parts.items()
        }
        with CacheWriter(self._cache) as writer:
            if here is not None:
                self._save(path, writer)
            trees = NewTrees(writer, self._load)
            root = here.hex if here is not None else None
            made = edited(root, entries, trees.load, trees.write)
            writer.finish()
        assert made is not None
        return Content(TREE, made.hex, made.size, extent(made.hex, self._load))

    def _save(self, path: str, writer: CacheWriter) -> None:
        """Saves what git keeps of a directory."""
        seen = self._observer.seen(path)
        if seen is None:
            return
        for directory, block in seen.blocks.items():
            writer.put(tree.encode(seen.blocks.tree_entries(directory)), TREES)
            place = os.path.join(path, os.fsdecode(directory))
            for name, kind in zip(block.names, block.kinds, strict=True):
                if kind in (tree.FILE, tree.EXEC):
                    file = os.path.join(place, os.fsdecode(name))
                    with opened(self._observer.full_path(file), os.O_RDONLY) as source:
                        put_file(writer, source)
        # the listings are read again, from there
        writer.publish()

    def _load(self, hex_digest: str) -> list[tree.Entry]:
        return self._cache.read_tree(hex_digest)
