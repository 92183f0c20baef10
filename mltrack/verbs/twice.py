"""``repro --twice``: whether stages write the same bytes from the same inputs."""

import os
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple, Protocol

from mltrack.engine.events import Event, StageFailed
from mltrack.errors import (
    MissingObjectError,
    PartlyDoneError,
    UsageError,
)
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import diff
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session

# names: what differs is seen in a few
MAX_FILES = 20
Results = dict[str, dict[str, Content]]
"""Recorded outputs by stage and path."""


class Compared(NamedTuple):
    """One output of two runs. ``files`` are those in a directory that differ."""

    stage: str
    path: str
    is_same: bool
    files: tuple[str, ...] = ()


class Show(Protocol):
    def show(self, event: Event) -> None: ...


class RunFailed(Exception):
    """A command failed, so that there is nothing to compare."""

    def __init__(self, failed: StageFailed) -> None:
        super().__init__(failed.stage)
        self.failed = failed


def twice(session: Session, options: ReproOptions, shown: Show) -> list[Compared]:
    """Brings the targets up to date, runs them once more, and returns how the outputs
    compare with the recorded ones.

    What stands in the workspace afterwards, and is recorded, is the last result. Raises
    RunFailed if a command fails, and PartlyDoneError if a result was not recorded.
    """
    if not options.targets:
        raise UsageError(
            "--twice needs stages to run twice", hint="mltrack repro --twice train"
        )
    # as it stands: what is up to date counts as the first run
    first = _run(session, replace(options, force=False), shown)
    session.observer.save()  # the second run looks at what the first one wrote
    # not what they depend on: both runs must have the same inputs
    once_more = replace(
        options, force=True, single_item=True, downstream=False, use_run_cache=False
    )
    with Session(session.project) as again:
        second = _run(again, once_more, shown)
        return [
            Compared(
                stage,
                path,
                content.same_bytes(first[stage].get(path)),
                _differing(again, first[stage].get(path), content),
            )
            for stage, outs in second.items()
            for path, content in sorted(outs.items())
        ]


def _run(session: Session, options: ReproOptions, shown: Show) -> Results:
    work = Repro(session, options)
    with closing(work.run(work.plan())) as events:
        for event in events:
            shown.show(event)
            if isinstance(event, StageFailed):
                raise RunFailed(event)
    if work.outcome.unrecorded:
        raise PartlyDoneError(
            "not recorded, so there is nothing to compare: "
            f"{', '.join(work.outcome.unrecorded)}"
        )
    locks = session.view.lock_state
    assert locks is not None
    entries = {stage.address: locks.entry(stage) for stage in work.stages}
    return {
        address: dict(entry.outs)
        for address, entry in entries.items()
        if entry is not None
    }


def _differing(session: Session, old: Content | None, new: Content) -> tuple[str, ...]:
    """The files that differ in two versions of a directory."""
    if old is None or old.kind != TREE or new.kind != TREE or old.hex == new.hex:
        return ()
    try:
        changes = diff(old.hex, new.hex, session.project.cache.read_tree)
        return tuple(sorted(os.fsdecode(change.path) for change in changes)[:MAX_FILES])
    except MissingObjectError:
        # what the recorded one held is not known any more: that they differ is said
        return ()
