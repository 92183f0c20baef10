"""Finds a project and hands out its parts. Wiring only: nothing is decided here.

Per worktree are config, index, scratch and journal; cache, jobs and the local config
are shared by all worktrees of a clone and stand in the main one.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mltrack.config import schema
from mltrack.config import settings as config
from mltrack.config.settings import Settings
from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.engine.recorded import Recorded
from mltrack.engine.remember import Remembered
from mltrack.engine.view import revision_view
from mltrack.errors import ConfigError, UsageError, WorkspaceError
from mltrack.formats.paths import check_path
from mltrack.git import exclude
from mltrack.git import history as git_history
from mltrack.git import index as git_index
from mltrack.git import repository as git
from mltrack.git.repository import Repository
from mltrack.objects.digest import Algorithm, algorithm
from mltrack.pipeline.paths import leads_out
from mltrack.store.local.cache import Cache
from mltrack.store.local.run_cache import RunCache
from mltrack.store.local.users import is_own
from mltrack.workspace.observe import Observer

if TYPE_CHECKING:
    from mltrack.config.remotes import Remotes

DIRECTORY = ".mltrack"
INDEX = "index"
"""In a project's own directory: what may be deleted, since it is only remembered."""
_COMMITTED = (f"{DIRECTORY}/{config.FILE_NAME}", f"{DIRECTORY}/.gitignore")
_STATE = re.compile(rb"\.mltrack/(?!config\.toml\0|\.gitignore\0)")
IGNORED = "/cache/\n/exps/\n/index/\n/jobs/\n/journal/\n/last/\n/remotes/\n/tmp/\n/trash/\n/config.local.toml\n"


@dataclass(frozen=True)
class Project:
    """One project in one worktree. ``cwd`` is where the person stands, for reading and
    showing paths.
    """

    path: str
    cwd: str
    repository: Repository
    shared_path: str
    settings: Settings
    algorithm: Algorithm

    @staticmethod
    def at(place: str, revision: str, cache: Cache, inner: str = "") -> Recorded:
        """Returns what a project recorded at a revision of any repository, bare ones
        too; ``place`` is the repository, ``inner`` where the project lies in it, and
        ``cache`` where the bytes that it names may be.

        Raises GitError for an unknown revision, WorkspaceError where no project is.
        """
        where = git.find_any(place)
        commit = git_history.resolve(revision, where)
        name = os.path.join(inner, DIRECTORY, config.FILE_NAME)
        data = git_history.read_at(commit, name, where, inner="")
        if data is None:
            raise WorkspaceError(
                f"{place} has no mltrack project at {revision}: there is no {name}"
            )
        chosen = algorithm(
            str(
                config.parse(data, f"{name} at {revision}").get(
                    "core.hash", schema.find("core.hash").default
                )
            )
        )
        if chosen != cache.algorithm:
            raise WorkspaceError(
                f"{place} uses {chosen.name} digests, this cache holds "
                f"{cache.algorithm.name} ones"
            )
        return Recorded(
            revision_view(revision, where, chosen, inner=inner), chosen, cache
        )

    @cached_property
    def cache(self) -> Cache:
        place = self.settings.text("cache.dir")
        path = (
            os.path.expanduser(place)
            if place
            else os.path.join(self.shared_path, "cache")
        )
        user = "" if is_own(path, self.shared_path) else self.shared_path
        return Cache(path, self.algorithm, self.settings.get("cache.link"), user)

    @cached_property
    def run_cache(self) -> RunCache:
        return RunCache(os.path.join(self.cache.path, "runs"), self.algorithm)

    @cached_property
    def scratch_path(self) -> str:
        """Where what can be rebuilt is kept: in the project, or in the user's cache
        directory where the project cannot be written, as on a read-only disk or in
        another user's checkout.
        """
        own = os.path.join(self.path, DIRECTORY)
        if os.access(own, os.W_OK):
            return own
        name = self.algorithm.hex_of(os.fsencode(os.path.realpath(own)))
        return os.path.join(config.user_cache_path(os.environ), "checkouts", name)

    @property
    def index_path(self) -> str:
        return os.path.join(self.scratch_path, INDEX)

    @property
    def tmp_path(self) -> str:
        path = os.path.join(self.scratch_path, "tmp")
        make_directories(path)
        return path

    @property
    def journal_path(self) -> str:
        return os.path.join(self.path, DIRECTORY, "journal")

    @property
    def jobs_path(self) -> str:
        return os.path.join(self.shared_path, "jobs")

    @property
    def experiments_path(self) -> str:
        """Where experiments are kept that are not done, and what running them takes."""
        return os.path.join(self.shared_path, "exps")

    @property
    def remote_ids_path(self) -> str:
        """Where it is kept which remotes this clone has met."""
        return os.path.join(self.shared_path, "remotes")

    @property
    def state_path(self) -> str:
        """Where it is kept what was last materialised, and what was replaced by force."""
        return os.path.join(self.path, DIRECTORY)

    @property
    def inner(self) -> str:
        """Where the project lies in its repository; '' is the top."""
        inner = os.path.relpath(self.path, self.repository.top)
        return "" if inner == os.curdir else inner

    @cached_property
    def identity(self) -> str:
        """What tells this project from others, in every clone of it: its first commit,
        and where it lies in the repository. '' before the first commit.
        """
        place = os.path.join(self.index_path, "identity")
        known = (read_bounded(place, 256) or b"").decode("ascii", "replace").strip()
        if not known:
            root = git_history.first_commit(self.path)
            if root:
                inner = os.path.relpath(self.path, self.repository.top)
                known = self.algorithm.hex_of(
                    f"{root} {inner}".encode("utf-8", "surrogateescape")
                )
                make_directories(self.index_path)
                write_atomic(place, known.encode(), durable=False)
        return known

    @property
    def job_name(self) -> str:
        """What tells this project's jobs from those of others: its identity, or before
        the first commit where it stands.
        """
        return self.identity or self.algorithm.hex_of(
            f"at {self.shared_path}".encode("utf-8", "surrogateescape")
        )

    def observer(self, owned: Iterable[str]) -> Observer:
        return Observer(self.path, self.index_path, self.algorithm, self.cache, owned)

    def new_remotes(self) -> "Remotes":
        """Returns what opens the project's remotes; whoever asks closes it."""
        from mltrack.config.remotes import Around, Remotes  # noqa: PLC0415 - 5 ms, for commands that ask a remote

        around = Around(
            os.path.dirname(self.shared_path),
            self.repository.top,
            os.path.join(self.index_path, "remotes"),
            self.remote_ids_path,
        )
        return Remotes(self.settings, self.algorithm, around)

    @property
    def here(self) -> str:
        """The project path of where the person stands; '' is the root."""
        path = os.path.relpath(self.cwd, self.path)
        return "" if path == os.curdir else path

    def absolute(self, path: str) -> str:
        return os.path.join(self.path, path)

    def relative(self, argument: str, *, hint: str = "") -> str:
        """Returns the project path that a person means by ``argument``, typed where
        they stand; '' is the root. ``hint`` is what to do with one that lies outside.
        """
        full = os.path.normpath(os.path.join(self.cwd, argument))
        path = os.path.relpath(full, self.path)
        if path == os.curdir:
            return ""
        # `..x` is a name like others
        if leads_out(path):
            raise UsageError(
                f"{argument!r} lies outside the project at {self.path}", hint=hint
            )
        return check_path(path, argument)

    def relative_to_top(self, path: str) -> str:
        """Returns the project path of a path that git names relative to the
        repository's top.
        """
        return os.path.relpath(os.path.join(self.repository.top, path), self.path)

    def shown(self, path: str) -> str:
        """Returns a project path as seen from where the person stands."""
        return os.path.relpath(self.absolute(path), self.cwd)

    def read(self, path: str) -> bytes | None:
        """Returns a text file of the workspace, or None; bounded, and never through a
        link in its last part.
        """
        return read_bounded(self.absolute(path), 64 << 20)

    def write(self, path: str, data: bytes) -> None:
        write_atomic(self.absolute(path), data, aside=self.tmp_path)


def find(start: str, environment: Mapping[str, str] = os.environ) -> Project:
    """Returns the project that contains ``start``: the nearest ``.mltrack/`` upward,
    not past git's top level.
    """
    found = find_if_any(start, environment)
    if found is not None:
        return found
    cwd = os.path.abspath(start)
    if git.find(cwd) is None:
        raise WorkspaceError(
            f"{cwd} is not in a git repository", hint="git init && mltrack init"
        )
    raise WorkspaceError(f"{cwd} is not in an mltrack project", hint="mltrack init")


def find_if_any(
    start: str, environment: Mapping[str, str] = os.environ
) -> Project | None:
    """Returns the project that contains ``start``, None outside of any; raises
    WorkspaceError for one that cannot be used, UsageError where no directory is.
    """
    cwd = os.path.abspath(start)
    if not os.path.isdir(cwd):
        raise UsageError(f"there is no directory {start!r}")
    repository = git.find(cwd)
    if repository is None:
        return None
    directory = above(cwd, repository)
    if directory is None:
        refuse_unseen(cwd, repository)
        return None
    return load(directory, cwd, repository, environment)


def above(cwd: str, repository: Repository) -> str | None:
    """Returns the nearest directory at or above ``cwd``, within the repository, that is
    a project; None if none is.
    """
    directory = cwd
    while not os.path.lexists(os.path.join(directory, DIRECTORY, config.FILE_NAME)):
        if directory in (repository.top, os.path.dirname(directory)):
            return None
        directory = os.path.dirname(directory)
    return directory


def refuse_unseen(cwd: str, repository: Repository, *, own_only: bool = False) -> None:
    """Raises WorkspaceError if git has the config of a project at ``cwd``, or above
    unless ``own_only``, that is not checked out: in a sparse clone, or deleted.
    """
    directory = cwd
    while True:
        place = os.path.join(directory, DIRECTORY, config.FILE_NAME)
        name = os.path.relpath(place, repository.top)
        if not os.path.lexists(place) and git_index.tracked_below(name, repository.top):
            raise WorkspaceError(
                f"{name} is committed, but not checked out here",
                hint=(
                    f"git sparse-checkout add {os.path.dirname(name)}, or git "
                    f"checkout -- {name}"
                ),
            )
        if own_only or directory in (repository.top, os.path.dirname(directory)):
            return
        directory = os.path.dirname(directory)


def find_for(start: str, path: str) -> Project:
    """Returns the project that holds ``path``, which git names relative to the
    repository's top.
    """
    repository = git.find(os.path.abspath(start))
    top = repository.top if repository is not None else start
    return find(os.path.dirname(os.path.join(top, path)))


def load(
    path: str,
    cwd: str,
    repository: Repository,
    environment: Mapping[str, str] = os.environ,
) -> Project:
    """Returns the project at ``path``, which has a ``.mltrack/``."""
    own = os.path.join(path, DIRECTORY)
    if os.path.islink(own):
        raise WorkspaceError(
            f"{own} is a symbolic link",
            hint="mltrack's directory must be a real one: move it here",
        )
    shared = shared_path(path, repository)
    git.check_owner_of(repository, own, shared)
    hide(path, repository)
    _refuse_committed_state(path, repository, shared)
    remembered = Remembered(os.path.join(own, "index"))
    project_config, local_config = (
        os.path.join(own, config.FILE_NAME),
        os.path.join(shared, config.LOCAL_NAME),
    )
    settings = config.load(project_config, local_config, environment, remembered)
    if settings.origin("core.hash").level not in ("default", "project"):
        raise ConfigError(
            "core.hash is a property of the project: it is read from "
            ".mltrack/config.toml only"
        )
    return Project(
        path, cwd, repository, shared, settings, algorithm(settings.text("core.hash"))
    )


def _refuse_committed_state(path: str, repository: Repository, shared: str) -> None:
    """What mltrack keeps for itself is trusted as its own: a clone must not bring any
    of it along.
    """
    places = [(path, repository.git_dir)]
    if repository.main_worktree is not None and shared.startswith(
        repository.main_worktree + os.sep
    ):
        places.append((os.path.dirname(shared), repository.common_dir))
    for place, git_dir in dict.fromkeys(places):
        if os.path.isdir(place) and git_index.index_may_hold(git_dir, _STATE):
            for name in git_index.tracked_below(DIRECTORY, place):
                if name not in _COMMITTED:
                    raise WorkspaceError(
                        f"git tracks {name}, which mltrack keeps for itself and "
                        "trusts as its own",
                        hint=(
                            "do not use it if you do not know who committed it; git "
                            f"rm -r {name}"
                        ),
                    )


def shared_path(path: str, repository: Repository) -> str:
    """Returns the directory that all worktrees of a clone share, for the project at
    ``path``.
    """
    own = os.path.join(path, DIRECTORY)
    if not repository.is_linked:
        return own
    relative = os.path.relpath(path, repository.top)
    main = repository.main_worktree
    if main is None:
        return os.path.normpath(
            os.path.join(repository.common_dir, "mltrack", relative)
        )
    return os.path.normpath(os.path.join(main, relative, DIRECTORY))


def hide(path: str, repository: Repository) -> str:
    """Keeps what mltrack has for itself out of git's sight, whatever branch is checked
    out in whichever worktree. Returns the lines that the person has to add, if any.
    """
    inner = os.path.relpath(os.path.join(path, DIRECTORY), repository.top)
    return exclude.hide(
        repository.common_dir,
        [inner + name.rstrip("/") for name in IGNORED.split("\n") if name],
    )
