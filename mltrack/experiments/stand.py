"""Where experiments are planned and their outputs land: a directory with git's files of
one tree, and none of mltrack's.

It is a project like others to whoever looks, with the cache, the jobs and the settings
of the one that it was made for. Tracked data and outputs stand nowhere in it: they are
known by pointers and locks, and jobs get them from the cache.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from mltrack.disk.durable import make_directories
from mltrack.disk.lock import locked
from mltrack.engine.recovery import saved
from mltrack.errors import LockedError
from mltrack.git import history
from mltrack.git import stand as git_stand
from mltrack.pipeline.paths import PathMap
from mltrack.project import IGNORED, Project
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs.session import Session

IN_USE = "use.lock"
"""Below ``exps``: shared by those who run experiments, exclusive by who removes what
they keep ready.
"""
_MARK = "in-use"
"""In the stand's git directory, while somebody uses it."""
# what mltrack keeps for itself, wherever in the repository the project lies
_HIDDEN = [f".mltrack{line.rstrip('/')}" for line in IGNORED.splitlines()]


class Stand:
    """The files of one tree. ``session`` looks at them; ``files`` are the paths of the
    project that git keeps there, but for what stages write and mltrack's own.
    """

    def __init__(self, session: Session, tree: str) -> None:
        self.session, self.tree = session, tree
        self.lacks_outputs = False
        outputs = {
            out.path
            for stage in session.view.graph.stages.values()
            for out in stage.outs
        }
        self._leave_outputs(outputs)
        written = PathMap((out, None) for out in outputs)
        self.files = tuple(
            path
            for path in history.names_below(tree, ".", session.project.path)
            if not path.startswith(".mltrack/")
            and written.holder(path) is None
            and os.path.isfile(session.project.absolute(path))
        )

    def _leave_outputs(self, outputs: set[str]) -> None:
        """Removes outputs that git keeps, small ones as a rule, once the cache has
        them: what stands there would be taken for what an experiment has made.
        """
        session = self.session
        kept = [
            out for out in outputs if os.path.lexists(session.project.absolute(out))
        ]
        if not kept:
            return
        with CacheWriter(session.project.cache) as writer:
            for out in kept:
                saved(session.observer, writer, out, is_cached=False)
            writer.finish()
        for out in kept:
            session.checkout.clear(out)
        self.lacks_outputs = True


@contextmanager
def standing(project: Project, tree: str) -> Iterator[Stand]:
    """Makes the files of a tree stand somewhere, for the length of a block, in which
    nobody else uses that place.
    """
    above = os.path.join(project.experiments_path, "stands")
    make_directories(above)
    with ExitStack() as stack:
        in_use = os.path.join(project.experiments_path, IN_USE)
        stack.enter_context(locked(in_use, shared=True))
        place = _claimed(above, stack)
        repository = git_stand.make_stand(place, project.repository, _HIDDEN)
        mark = os.path.join(repository.git_dir, _MARK)
        # who was killed here left what its jobs had made
        if os.path.exists(mark):
            git_stand.clean(repository)
        with open(mark, "wb"):
            pass
        git_stand.switch(repository, tree)
        path = os.path.normpath(os.path.join(place, project.inner))
        make_directories(os.path.join(path, ".mltrack"))
        own = replace(project, path=path, cwd=path, repository=repository)
        # the very same: what one of two caches publishes, the other would not see
        vars(own).update(cache=project.cache, run_cache=project.run_cache)
        stand = Stand(stack.enter_context(Session(own)), tree)
        yield stand
        if stand.lacks_outputs:
            git_stand.forget(repository)
        with suppress(FileNotFoundError):
            os.unlink(mark)


def _claimed(above: str, stack: ExitStack) -> str:
    """A directory that nobody else uses until the stack ends: the first of those that
    are there, or a new one.
    """
    number = 0
    while True:
        place = os.path.join(above, str(number))
        with suppress(LockedError):
            stack.enter_context(locked(place + ".lock", wait=False))
            return place
        number += 1
