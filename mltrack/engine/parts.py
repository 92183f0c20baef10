"""What executing needs, wired once per command, in three groups: the tree, the
recorder, the policy.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from mltrack.engine.checkpoints import Checkpoints
from mltrack.engine.commit import Basis, Run
from mltrack.engine.events import Event
from mltrack.engine.inputs import Entries, Learner
from mltrack.engine.placement import Placement
from mltrack.objects.content import Content
from mltrack.pipeline.plan import Facts, Options
from mltrack.pipeline.stage import Entry, Stage
from mltrack.runners.job import Poll
from mltrack.workspace.checkout import Checkout
from mltrack.workspace.trash import Trash


class Tree(NamedTuple):
    """The files of the project: what stands there, what is known of it, and where what
    is replaced goes. ``outputs`` are the paths that any stage of the project writes;
    ``around`` those that every job is given besides what its stage reads.
    """

    checkout: Checkout
    learner: Learner
    trash: Trash
    outputs: tuple[str, ...]
    around: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.checkout.project_path


class Locks(Entries, Protocol):
    """Entries that are changed by what runs."""

    def forget(self, lock_path: str, name: str) -> None:
        """Takes a stage out at once: what it did last is undone by what begins now."""
        ...

    def refresh_if_changed(self, stage: Stage | None = None) -> None:
        """Takes notice of what others recorded since."""
        ...


class Commits(Protocol):
    """Makes results of what ran. See :class:`mltrack.engine.commit.Committer`."""

    def commit(
        self,
        stage: Stage,
        basis: Basis,
        run: Run | None = None,
        left: Mapping[str, Content] | None = None,
    ) -> Entry: ...

    def note_restored(
        self, stage: Stage, basis: Basis, outs: dict[str, Content]
    ) -> None: ...

    def make_directory(self, path: str) -> None: ...

    def settle_if_due(self) -> None: ...


class Recorder(NamedTuple):
    """What keeps results: the locks, what commits to them, and what commands saved of
    their state.
    """

    locks: Locks
    committer: Commits
    checkpoints: Checkpoints


class Policy(NamedTuple):
    """How stages are decided and run. ``check`` is what to do about undeclared reads
    where a stage does not say, ``trace`` how they are seen. ``project`` is the
    project's identity. With ``leaves`` outputs stay where they were made.
    """

    facts: Facts
    options: Options
    check: str
    trace: str
    project: str = ""
    leaves: bool = False


class Supply(Protocol):
    """Where known bytes that are not here are had. Raises MissingObjectError or
    RemoteError for what cannot be.
    """

    def fetch(self, contents: Iterable[Content]) -> None:
        """Gets contents into the cache, those that can be had."""
        ...

    def bring_parts(self, stage: Stage) -> tuple[str, ...]:
        """Puts where it belongs what lies below directories that a stage reads: without
        it they would be others. Returns the paths.
        """
        ...

    def bring_inputs(self, stage: Stage) -> tuple[str, ...]:
        """Puts where it belongs what a stage reads that will run in the workspace;
        returns the paths.
        """
        ...

    def bring_apart(self, stage: Stage) -> tuple[str, ...]:
        """Does the same for a stage that will run in another place: for what that place
        cannot have by itself.
        """
        ...

    def note_left(self, runner: str, key: str, result: Poll) -> None:
        """Notes which outputs of a job stayed where it ran."""
        ...


class Results(Protocol):
    """Where results of earlier runs go."""

    def restore(
        self, engine: "Engine", stage: Stage, outs: Mapping[str, Content]
    ) -> Iterator[Event]:
        """Puts the outputs of a stage back. Raises MissingObjectError or RemoteError
        for what cannot be had.
        """
        ...


class Engine(NamedTuple):
    """All that executing needs. ``placement`` says which runner a stage's job goes to."""

    tree: Tree
    recorder: Recorder
    policy: Policy
    placement: Placement
    supply: Supply
    results: Results
