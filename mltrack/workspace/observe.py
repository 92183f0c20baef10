"""The one look at the disk: what stands at a path now, asked of the stat index first.

Each path is looked at once per command, until someone says that it changed. What was
learned goes back into the index when the observer is closed. Tracked paths and outputs
are seen by the rule of ``.mltrackignore``; dependencies also leave out what git
ignores.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from mltrack.errors import WorkspaceError
from mltrack.objects.content import Content
from mltrack.objects.digest import XXH3, Algorithm
from mltrack.objects.tree import SYMLINK
from mltrack.pipeline.paths import PathMap, leads_out
from mltrack.pipeline.stage import is_outside
from mltrack.workspace import stat_index
from mltrack.workspace.ignore import IgnoreFiles, Rule, dependency_rule
from mltrack.workspace.ingest import Following, Hashing, Ingest
from mltrack.workspace.scan import Links, Look, Report, Snapshot, no_report, scan
from mltrack.workspace.stat_index import Block, Blocks

_FILES = b"files"


class _Files:
    """All single files in one index file: rows by path, so that a thousand small
    dependencies cost one read.
    """

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self.path, self.algorithm = path, algorithm
        blocks = stat_index.read(path, algorithm)
        self.rows = blocks[_FILES].rows() if _FILES in blocks else {}
        self.changed = False

    def known(self, path: bytes) -> Blocks:
        row = self.rows.get(path)
        return (
            Blocks({b"": Block([b""], row[0], row[1], [row[2]])})
            if row is not None
            else Blocks()
        )

    def learn(self, path: bytes, block: Block) -> None:
        self.rows[path] = (block.stamps, block.kinds, block.hexes[0])
        self.changed = True

    def save(self) -> None:
        names = sorted(self.rows)
        rows = [self.rows[name] for name in names]
        block = Block(
            names,
            b"".join(row[0] for row in rows),
            "".join(row[1] for row in rows),
            [row[2] for row in rows],
        )
        stat_index.write(self.path, Blocks({_FILES: block}), self.algorithm)


class Key(NamedTuple):
    path: str
    tracked: bool


class Observer:
    """Looks at paths of one project. ``owned`` are the paths of its pointers and
    outputs.
    """

    def __init__(
        self,
        project_path: str,
        index_path: str,
        algorithm: Algorithm,
        links: Links,
        owned: Iterable[str],
    ) -> None:
        self.project_path = project_path
        self.index_path = index_path
        self.algorithm = algorithm
        self.links = links
        self.owned = PathMap((path, None) for path in owned)
        self.report: Report = no_report
        self._tracked_rule: Rule = IgnoreFiles(project_path)
        self._rules: dict[str, Rule] = {}
        self._files: _Files | None = None
        self._snapshots: dict[Key, Snapshot | None] = {}
        self._direct: dict[str, bool] = {}
        self._looked: PathMap[None] = PathMap()
        self._real_top = os.path.realpath(project_path)

    def leave_to_git(self, paths: Iterable[str]) -> None:
        """Leaves single files out of tracked directories and outputs: git keeps them."""
        self._tracked_rule = IgnoreFiles(self.project_path, paths)

    def prepare(self, dependencies: Iterable[str]) -> None:
        """Asks git once what it ignores below all dependency directories that will be
        looked at.
        """
        fresh = [
            path
            for path in dict.fromkeys(dependencies)
            if path not in self._rules
            and self.owned.holder(path) is None
            and not is_outside(path)
            and os.path.isdir(os.path.join(self.project_path, path))
        ]
        if fresh:
            rule = dependency_rule(self.project_path, fresh, self.owned)
            for path in fresh:
                self._rules[path] = rule
                self._looked[path] = None

    def tracked(self, path: str, ingest: Ingest | None = None) -> Snapshot | None:
        """Returns what stands at a tracked path or output; ``ingest`` may save it on
        the way.
        """
        return self._look(Key(path, tracked=True), ingest, self._tracked_rule)

    def dependency(self, path: str) -> Content | None:
        """Returns what stands at a dependency."""
        if self.owned.holder(path) is not None:
            # of a part of something tracked, links may lead to other parts: they are
            # seen through
            snapshot = self._look(
                Key(path, tracked=path in self.owned), None, self._tracked_rule
            )
        elif path in self._rules or os.path.isdir(
            os.path.join(self.project_path, path)
        ):
            self.prepare([path])
            snapshot = self._look(Key(path, tracked=False), None, self._rules[path])
        else:
            snapshot = self._look(Key(path, tracked=False), None, self._tracked_rule)
        return snapshot.content if snapshot is not None else None

    def as_objects(self, path: str) -> Snapshot | None:
        """Returns what stands at a path a stage reads as objects that could be sent:
        links as links, not as what they lead to. What was already seen without meeting
        a link is taken as it is.
        """
        if path in self.owned:
            return self.tracked(path)
        self.dependency(path)
        seen = self.seen(path)
        if seen is None or not any(
            SYMLINK in block.kinds for block in seen.blocks.values()
        ):
            return seen
        key = Key(path, tracked=False)
        known = stat_index.read(self._index_file(key), self.algorithm)
        rule = self._rules.get(path, self._tracked_rule)
        plain = Hashing(self.algorithm)
        # not kept: `dependency` sees through the links of the same path
        look = Look(plain, rule, self.links, strict=False, report=self.report)
        return scan(self.project_path, self._target(key), known, look)

    def real_path(self, path: str) -> str:
        """Returns the path in the project that a link leads to, '' if it leads out of
        it.
        """
        real = os.path.relpath(
            os.path.realpath(os.path.join(self.project_path, path)), self._real_top
        )
        return "" if leads_out(real) else real

    def full_path(self, path: str) -> str:
        """Returns where on this machine a path of the project is, links followed."""
        return os.path.realpath(os.path.join(self.project_path, path))

    def seen(self, path: str) -> Snapshot | None:
        """Returns what was seen at a path in this command, if it was looked at."""
        return self._snapshots.get(Key(path, tracked=True)) or self._snapshots.get(
            Key(path, tracked=False)
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Drops what was seen at, above and below paths that may have changed."""
        # any directory may be a link by now
        self._direct.clear()
        for changed in paths:
            for path in self._looked.overlapping(changed):
                self._looked.pop(path)
                self._snapshots.pop(Key(path, tracked=True), None)
                self._snapshots.pop(Key(path, tracked=False), None)
                self._rules.pop(path, None)

    def learn(self, path: str, snapshot: Snapshot) -> None:
        """Takes over what was just put at a tracked directory, as if it had been looked
        at.
        """
        key = Key(path, tracked=True)
        self._keep(key, snapshot)
        self._try_write(self._index_file(key), snapshot.blocks)

    def save(self) -> None:
        """Writes back what was learned about single files; directories were written
        when they were seen.
        """
        if self._files is not None and self._files.changed:
            # as for directories: all else is done, and must not fail for this
            with suppress(OSError):
                self._files.save()
                self._files.changed = False

    def _look(self, key: Key, ingest: Ingest | None, rule: Rule) -> Snapshot | None:
        # whoever saves has to meet the bytes, however often they were seen
        if ingest is None and key in self._snapshots:
            return self._snapshots[key]
        target = self._target(key)
        index_file = self._index_file(key)
        is_directory = os.path.isdir(os.path.join(self.project_path, target))
        files = self._load_files()
        known = (
            stat_index.read(index_file, self.algorithm)
            if is_directory
            else files.known(os.fsencode(key.path))
        )
        chosen = ingest or (
            Hashing(self.algorithm)
            if key.tracked
            else Following(self.algorithm, self.project_path)
        )
        look = Look(chosen, rule, self.links, key.tracked, self.report)
        snapshot = scan(self.project_path, target, known, look)
        if snapshot is not None and snapshot.changed:
            if is_directory:
                self._try_write(index_file, snapshot.blocks)
            else:
                files.learn(os.fsencode(key.path), snapshot.blocks[b""])
        self._keep(key, snapshot)
        return snapshot

    def _is_direct(self, directory: str) -> bool:
        """Whether a directory of the project is reached without links; asked once for
        each until something changes.
        """
        if directory not in self._direct:
            expected = os.path.normpath(
                os.path.join(
                    self._real_top, os.path.relpath(directory, self.project_path)
                )
            )
            self._direct[directory] = os.path.realpath(directory) == expected
        return self._direct[directory]

    def _keep(self, key: Key, snapshot: Snapshot | None) -> None:
        self._snapshots[key] = snapshot
        self._looked[key.path] = None

    def _target(self, key: Key) -> str:
        """A dependency may be reached through links, as long as they stay inside the
        project; a tracked path may not.
        """
        full = os.path.join(self.project_path, key.path)
        real_top = self._real_top
        if key.tracked:
            if not self._is_direct(os.path.dirname(full)):
                raise WorkspaceError(
                    f"{key.path!r} is reached through a symbolic link",
                    hint="track the place that the link points to",
                )
            return key.path
        real = os.path.realpath(full)
        # with the separator: `project2` does not lie in `project`
        if real != real_top and not real.startswith(real_top + os.sep):
            raise WorkspaceError(
                f"the dependency {key.path!r} leads outside the project, to {real}",
                hint="copy it into the project",
            )
        return os.path.relpath(real, real_top)

    def _index_file(self, key: Key) -> str:
        # the two rules leave out different files: their rows must not mix
        rule = b"t" if key.tracked else b"d"
        return os.path.join(
            self.index_path, "stat", XXH3.hex_of(rule + os.fsencode(key.path))
        )

    def _load_files(self) -> _Files:
        if self._files is None:
            self._files = _Files(
                os.path.join(self.index_path, "stat", "files"), self.algorithm
            )
        return self._files

    def _try_write(self, path: str, blocks: Blocks) -> None:
        try:
            stat_index.write(path, blocks, self.algorithm)
        except OSError:
            # a full or read-only disk costs the next command a hash, nothing else
            return
