"""A project that is not the one of this directory: any repository's, at a revision.
Nothing of it is checked out: its pointers and locks are read from its commits, and bytes
come from its remotes.
"""

import os
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from mltrack import project as projects
from mltrack.config import settings as config
from mltrack.disk.durable import make_directories, write_atomic
from mltrack.engine.recorded import Recorded
from mltrack.engine.view import View, revision_view
from mltrack.errors import RemoteError, UsageError, WorkspaceError
from mltrack.formats.pointer import SUFFIX
from mltrack.formats.remote_url import shown
from mltrack.git import history
from mltrack.git import repository as git
from mltrack.git import source as git_source
from mltrack.git.repository import Repository
from mltrack.git.source import Source
from mltrack.objects.digest import algorithm
from mltrack.pipeline.stage import LOCK_NAME, PIPELINE_NAME
from mltrack.project import DIRECTORY, Project
from mltrack.store.local.cache import Cache
from mltrack.verbs import kept_sources
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources

if TYPE_CHECKING:
    from mltrack.config.remotes import Remotes

# what a project says of itself: all that a commit has of it comes by one request
_SPOKEN = (SUFFIX, PIPELINE_NAME, LOCK_NAME, config.FILE_NAME)


@dataclass
class Elsewhere(Session):
    """A session in another project, without a workspace. Revisions are those of its
    repository; ``base`` is the commit that ``named`` was.
    """

    source: Source = field(default=Source(""))
    base: str = ""
    inner: str = ""
    """Where the project lies in its repository."""
    using: ExitStack = field(default_factory=ExitStack)
    """Keeps what is kept of it from being removed, until this session ends."""

    def __post_init__(self) -> None:
        self.lister = self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.using:
            # who interrupts does not wait for the disk
            if "sources" in vars(self) and not isinstance(error, KeyboardInterrupt):
                self.sources.close()
            super().__exit__(kind, error, trace)

    def listing(self, hex_digest: str) -> None:
        """Gets a directory's listing into the cache, if a remote has it."""
        if self.project.settings.remotes():
            self.sources.listing(hex_digest)

    @cached_property
    def view(self) -> View:
        view = self._view_of(self.base)
        view.name = self.named
        return view

    @property
    def git_path(self) -> str:
        return self.source.path

    def commit(self, revision: str) -> str:
        # the same one is not looked up twice: it may be another by now
        if revision in ("", self.named, self.base):
            return self.base
        return self.source.commit(revision)

    def at(self, revision: str) -> Recorded:
        commit, view = self.commit(revision), self.view
        if commit != self.base:
            view = self._view_of(commit)
            view.name = revision
        project = self.project
        return Recorded(view, project.algorithm, project.cache, self.supply)

    def supply(self, hex_digest: str) -> bytes | None:
        """Returns one object, whatever it is, if a remote has it; None where it is in
        the cache by now, or cannot be had.
        """
        data = self.sources.read_small(hex_digest)
        if data is None:
            # a large one, or one that is damaged there: this says so
            self.listing(hex_digest)
        return data

    @cached_property
    def sources(self) -> Sources:
        """The remotes, each looked at once for as long as this session is open."""
        return Sources(self)

    def _view_of(self, commit: str) -> View:
        self.source.complete(commit, _SPOKEN, self.inner)
        return revision_view(
            commit, self.source.path, self.project.algorithm, inner=self.inner
        )


@dataclass(frozen=True)
class Kept(Project):
    """A project without a worktree: its paths lead nowhere, what is kept of it stands
    below the user's cache directory.
    """

    @cached_property
    def cache(self) -> Cache:
        place = self.settings.origin("cache.dir")
        # a directory that their project names is one of theirs
        path = (
            os.path.expanduser(str(place.value))
            if place.level in ("user", "environment")
            else os.path.join(self.shared_path, "cache")
        )
        return Cache(path, self.algorithm, user=self.shared_path)

    @cached_property
    def scratch_path(self) -> str:
        return self.shared_path

    def new_remotes(self) -> "Remotes":
        addresses = self.settings.remotes()
        # a relative one is beside a clone
        if addresses and not any(
            "://" in address or os.path.isabs(address) for address in addresses.values()
        ):
            name, address = min(addresses.items())
            raise RemoteError(
                f"the remote {name!r} of that project is {address!r}, a path beside a "
                "clone of it",
                hint="name a clone by its path, with --repo",
            )
        return super().new_remotes()


def open_elsewhere(place: str, revision: str = "", *, cwd: str = ".") -> Elsewhere:
    """Returns a session in the project of another repository: ``place`` is its path or
    address, with the project's own place in it behind a ``#`` where several are.

    A repository of this machine is used where it stands, as of its newest commit; one
    at an address is kept below the user's cache directory.

    Raises GitError for a repository or revision that is not there, WorkspaceError where
    it holds no project, UsageError where it holds several and none is named.
    """
    address, _, inner = place.partition("#")
    with ExitStack() as using:
        if git_source.is_url(address):
            git_source.check_url(address)
            using.enter_context(_used(address))
            source = git_source.keep(address, _sources_path())
        else:
            path = os.path.join(cwd, address)
            if not address or not os.path.isdir(path):
                raise UsageError(
                    f"there is no directory {address!r}",
                    hint="a repository is named by its path, or by its address such as "
                    "https://host/name.git",
                )
            source = Source(git.find_any(path))
        commit = source.commit(revision)
        where = _project_in(source, commit, inner.strip("/"), shown(address))
        # its settings too, which are read first: else git asks for them alone
        source.complete(commit, _SPOKEN, where)
        standing = os.path.join(source.path, where)
        if os.path.isdir(os.path.join(standing, DIRECTORY)):
            project = projects.find(standing)
        else:
            if not source.url:
                using.enter_context(_used(source.path))
            project = _kept(source, commit, where)
        return Elsewhere(
            project,
            source=source,
            base=commit,
            named=revision or git_source.NEWEST,
            inner=where,
            using=using.pop_all(),
        )


def _used(address: str) -> AbstractContextManager[None]:
    # the user's own word: what a project says is for its own data
    days = config.load(None, None, os.environ, None).number("cache.sources_days")
    return kept_sources.used(_sources_path(), git_source.name_of(address), days)


def shown_place(place: str) -> str:
    """Returns a place as it may be printed: without secrets."""
    # what is behind the sign is no part of the address
    address, mark, inner = place.partition("#")
    return shown(address) + mark + inner


def place_of(name: str, cwd: str) -> str:
    """Returns the place that a name stands for, by the settings of the project that
    ``cwd`` is in, or the user's own; the name itself where it is none.
    """
    found = projects.find_if_any(cwd)
    settings = (
        found.settings
        if found is not None
        else config.load(None, None, os.environ, None)
    )
    return settings.repositories().get(name, name)


def _project_in(source: Source, commit: str, wanted: str, address: str) -> str:
    """Where in a repository the project lies."""
    name = f"{DIRECTORY}/{config.FILE_NAME}"
    found = sorted(
        path.removesuffix(name).rstrip("/")
        for path in history.files_at(commit, source.path, [config.FILE_NAME], inner="")
        if path == name or path.endswith("/" + name)
    )
    # one at the top is meant where nothing is said
    if wanted in found:
        return wanted
    if wanted or not found:
        where = f"{address}, in {wanted!r}" if wanted else address
        raise WorkspaceError(
            f"{where}: there is no mltrack project at {commit[:12]}",
            hint=f"git clone {address}",
        )
    if len(found) > 1:
        raise UsageError(
            f"{address} holds several projects: {', '.join(found)}",
            hint=f"name one: {address}#{found[0]}",
        )
    return found[0]


def _kept(source: Source, commit: str, inner: str) -> Kept:
    """The project as its commit says it is, with the user's own settings."""
    name = git_source.name_of(source.url or source.path)
    path = os.path.join(_sources_path(), name, inner or "top")
    own = os.path.join(path, DIRECTORY)
    stated = os.path.join(own, f"{commit}.toml")
    if not os.path.exists(stated):
        make_directories(own)
        name = os.path.join(inner, DIRECTORY, config.FILE_NAME)
        text = history.read_at(commit, name, source.path, inner="")
        write_atomic(stated, text or b"", durable=False)
    settings = config.load(stated, None, os.environ, None)
    return Kept(
        path,
        path,
        Repository(path, source.path, source.path),
        own,
        settings,
        algorithm(settings.text("core.hash")),
    )


def _sources_path() -> str:
    return os.path.join(config.user_cache_path(os.environ), "sources")
