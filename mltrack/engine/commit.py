"""Recording a result: outputs into the cache, then the run record, then the journal; each durable before the next."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mltrack.disk.durable import opened
from mltrack.engine.lock_state import LockState
from mltrack.errors import WorkspaceError
from mltrack.formats.run_record import RunRecord
from mltrack.git import ignore_file
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.pipeline.stage import Entry, Inputs, Stage, contains
from mltrack.store.cache_writer import CacheWriter
from mltrack.store.pack import SMALL_OBJECT, TREES
from mltrack.store.run_cache import RunCache
from mltrack.workspace.checkout import LastMaterialized
from mltrack.workspace.ingest import Saving
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.observe import Observer


@dataclass(frozen=True, slots=True)
class Committer:
    """The parts that recording needs. ``code_state`` returns the commit of HEAD and whether files differ from it."""

    project_path: str
    observer: Observer
    run_cache: RunCache
    locks: LockState
    last: LastMaterialized
    new_writer: Callable[[], CacheWriter]
    code_state: Callable[[], tuple[str, bool]]
    edit_text: Callable[[str, Callable[[str], str]], None]

    def entry(self, stage: Stage, inputs: Inputs, outs: dict[str, Content], shell: str) -> Entry:
        """Returns the lock block for these inputs and outputs."""
        return Entry(
            cmd=stage.cmd,
            shell=shell,
            wdir=stage.wdir,
            deps={path: content for path, content in inputs.deps.items() if content is not None},
            params=inputs.params,
            env=inputs.env,
            lock=inputs.lock,
            image=inputs.image,
            outs=outs,
            out_types={out.path: out.type for out in stage.outs if out.path in outs},
            uncached=frozenset(out.path for out in stage.outs if out.path in outs and not out.cache),
            unpushed=frozenset(out.path for out in stage.outs if out.path in outs and not out.push),
        )

    def commit(
        self,
        stage: Stage,
        key: str,
        inputs: Inputs,
        shell: str,
        log_path: str = "",
        started: float = 0.0,
        seconds: float = 0.0,
        by: str = "run",
    ) -> Entry:
        """Records that a stage with these inputs has the outputs that stand in the workspace now."""
        with self.new_writer() as writer:
            saving = Saving(writer, self.run_cache.algorithm, writer.linking)
            outs: dict[str, Content] = {}
            for out in stage.outs:
                snapshot = self.observer.tracked(out.path, saving if out.cache else None)
                if snapshot is not None and not out.cache and is_small(snapshot.content):
                    snapshot = self.observer.tracked(out.path, Saving(writer, self.run_cache.algorithm))
                if snapshot is None:
                    raise WorkspaceError(f"output {out.path!r} of stage {stage.address!r} does not exist")
                outs[out.path] = snapshot.content
            self.keep_trees(writer, inputs)
            log = _put_log(writer, log_path) if log_path else ""
            writer.finish()
        entry = self.entry(stage, inputs, outs, shell)
        commit, is_dirty = self.code_state()
        self.run_cache.put(
            RunRecord(
                key=key or run_key(entry_parts(entry), self.run_cache.algorithm),
                stage=stage.address,
                entry=entry,
                by=by,
                started=started or time.time(),
                seconds=seconds,
                log=log,
                commit=commit,
                dirty=is_dirty,
                runner="local" if by == "run" else "",
                platform=f"{platform.system()} {platform.machine()} python {platform.python_version()}",
            )
        )
        before = self.locks.entry(stage)
        self.ignore_outputs(stage, [] if before is None else [path for path in before.outs if path not in outs])
        self.locks.record(stage, entry)
        for out in stage.outs:
            if out.cache:
                self.last.set(out.path, outs[out.path])
        return entry

    def keep_trees(self, writer: CacheWriter, inputs: Inputs) -> None:
        """Keeps the listings of dependency directories, without their files, so that it can be told later which file
        changed."""
        for path, content in inputs.deps.items():
            snapshot = self.observer.seen(path) if content is not None and content.kind == TREE else None
            if snapshot is not None:
                for directory in snapshot.blocks:
                    writer.put(tree.encode(snapshot.blocks.tree_entries(directory)), TREES)

    def ignore_outputs(self, stage: Stage, former: list[str]) -> None:
        """Keeps a stage's cached outputs out of git, by lines beside its pipeline file; ``former`` ones git sees again."""
        beside = stage.pipeline_path.rpartition("/")[0]
        for path in former:
            directory = beside if contains(beside, path) else ""
            name = path[len(directory) + 1 :] if directory else path
            place = f"{directory}/.gitignore" if directory else ".gitignore"
            self.edit_text(place, partial(ignore_file.exclude, names=[name]))
        by_directory: dict[str, list[str]] = {}
        for out in stage.outs:
            if out.cache:
                directory = beside if contains(beside, out.path) else ""
                by_directory.setdefault(directory, []).append(out.path[len(directory) + 1 :] if directory else out.path)
        for directory, names in by_directory.items():
            self.edit_text(
                f"{directory}/.gitignore" if directory else ".gitignore", partial(ignore_file.include, names=names)
            )

    def make_directory(self, path: str) -> None:
        if path:
            make_parents(self.project_path, path + "/x")


def is_small(content: Content) -> bool:
    """Returns whether an output that is left to git is kept in the cache too: without its metrics file, a result
    could not be restored."""
    return content.kind != TREE and content.size < SMALL_OBJECT


def _put_log(writer: CacheWriter, path: str) -> str:
    with opened(path, os.O_RDONLY) as descriptor:
        size = os.fstat(descriptor).st_size
        if size >= SMALL_OBJECT:
            return writer.put_large(descriptor)[0]
        return writer.put(os.read(descriptor, size))
