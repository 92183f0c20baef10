"""Getting what a ``repro --pull`` needs, and nothing else: records first, then inputs
of stages that run.
"""

import os
from collections.abc import Iterable

from mltrack.engine.inputs import Learner
from mltrack.errors import MissingObjectError
from mltrack.objects.content import TREE, Content
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.stage import Stage, is_outside
from mltrack.runners.job import Poll
from mltrack.store.shared.runs import bring_records
from mltrack.verbs.bringing import note_left
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources


class FromRemote:
    """What can be had from elsewhere for the stages of a project. See
    :class:`mltrack.engine.parts.Supply`.

    Tracked data that stands nowhere in the workspace counts as being what its pointer
    says, outputs of stages that are up to date as what the lock says. They are brought
    when a stage that runs needs them.
    """

    def __init__(self, session: Session) -> None:
        """Raises RemoteError where the default remote cannot be had."""
        self._session = session
        self._remote = session.remotes.opened()
        self._sources = Sources(session, self._remote.name)
        self.learner: Learner | None = None
        """What knows of data that is not here; set once it is made, since it asks here
        for what it lacks.
        """

    def bring_records(self) -> int:
        """Takes the remote's run records; returns how many are new here."""
        return bring_records(self._session.project.run_cache, self._remote)

    def inform(self, learner: Learner) -> None:
        """Tells the learner of tracked data that is not here; it is asked for the rest
        from then on.
        """
        self.learner = learner
        for path, content in self._session.view.pointers.items():
            if not os.path.lexists(self._session.project.absolute(path)):
                learner.absent[path] = content

    def get(self, content: Content) -> None:
        """Gets a file, or the listings of a directory without its files, into the
        cache.
        """
        if not self.has(content):
            return
        if content.kind == TREE:
            self._sources.listings([content])
        else:
            self.fetch([content])

    def complete(self, deps: Iterable[str]) -> None:
        """Brings the rest of tracked directories that stages read and that are here
        only in part.
        """
        session = self._session
        read = PathMap((dep, None) for dep in deps if not is_outside(dep))
        for path, content in session.view.pointers.items():
            snapshot = (
                session.observer.tracked(path) if read.overlapping(path) else None
            )
            if snapshot is None or snapshot.content.same_bytes(content):
                continue
            # the listing tells whether what is here is a part of it
            self.get(content)
            if session.checkout.comparison.is_part_of(snapshot, path, content):
                self.fetch([content])
                session.checkout.bring(path, content)
                # it was seen as it was before
                session.observer.forget([path])

    def has(self, content: Content) -> bool:
        return self._sources.has(content)

    def fetch(self, contents: Iterable[Content]) -> None:
        """Gets contents into the cache that it lacks."""
        self._sources.require(contents)

    def bring_inputs(self, stage: Stage) -> tuple[str, ...]:
        """Puts what a stage reads where it belongs, as far as it is not here; returns
        the paths.
        """
        learner = self.learner
        assert learner is not None
        # from an output with `persist` the command goes on
        sought = [*stage.reads, *(out.path for out in stage.outs if out.persist)]
        wanted: dict[str, Content] = {}
        for path in sought:
            if not is_outside(path):
                for absent in learner.absent.overlapping(path):
                    content = learner.absent[absent]
                    if content is not None:
                        wanted[absent] = content
        # together, so that the remote is asked once
        self.fetch(wanted.values())
        checkout = self._session.checkout
        for path, content in wanted.items():
            if not self._session.project.cache.holds(content):
                raise MissingObjectError(
                    f"{path!r} is neither here nor in {self._remote.name}",
                    hint="mltrack pull",
                )
            checkout.bring(path, content)
            learner.absent.pop(path)
        return tuple(wanted)

    def bring_parts(self, stage: Stage) -> tuple[str, ...]:
        return self.bring_inputs(stage)

    def bring_apart(self, stage: Stage) -> tuple[str, ...]:
        return self.bring_inputs(stage)

    def note_left(self, runner: str, key: str, result: Poll) -> None:
        note_left(self._session, runner, key, result)
