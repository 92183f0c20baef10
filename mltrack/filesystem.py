"""``mltrack://``: a project as a file system of fsspec, for reading."""

import os
import stat
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

# not the door to stores: this is how others come in
from fsspec.spec import AbstractFileSystem

from mltrack.api.project import Project
from mltrack.api.seeking import SeekingFile
from mltrack.errors import IntegrityError, MissingObjectError, UsageError
from mltrack.git import history
from mltrack.objects.content import TREE
from mltrack.store.pack import SMALL_OBJECT
from mltrack.verbs import reading
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.session import Session
from mltrack.verbs.standing import Found, Standing

_SCHEME = "mltrack://"
# what every file system of fsspec takes
_OF_FSSPEC = {
    "asynchronous",
    "batch_size",
    "listings_expiry_time",
    "loop",
    "max_paths",
    "skip_instance_cache",
    "use_listings_cache",
}


class MltrackFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The files of a project: tracked data, outputs of stages, and what git keeps.

    ``repo`` and ``rev`` are as in :class:`mltrack.Project`; what they name is looked up
    once, at the first call. Nothing can be written.
    """

    protocol = "mltrack"
    # a workspace changes between two calls
    cachable = False

    def __init__(
        self, repo: str | None = None, rev: str | None = None, **options: Any
    ) -> None:
        unknown = sorted(options.keys() - _OF_FSSPEC)
        # a slip in `rev` would read something else
        if unknown:
            raise TypeError(f"mltrack:// has repo and rev, and no {', '.join(unknown)}")
        super().__init__(**options)
        self.project = Project(repo or ".", rev)
        self._place, self._commit = repo or ".", ""
        self._first = threading.Lock()
        self._mine = threading.local()

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return os.fspath(path).removeprefix(_SCHEME).strip("/")

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """Returns what is in a directory, or the one file, sorted; raises
        FileNotFoundError for nothing.
        """
        wanted = self._strip_protocol(path)
        with self._standing() as standing:
            children = standing.children(wanted)
            if children is None:
                raise FileNotFoundError(path)
            found = [_info(standing.session, item) for item in children]
        return found if detail else [item["name"] for item in found]

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Returns what is at a path; raises FileNotFoundError for nothing."""
        wanted = self._strip_protocol(path)
        with self._standing() as standing:
            item = standing.at(wanted) if wanted else Found("")
            if item is None:
                if standing.children(wanted) is None:
                    raise FileNotFoundError(path)
                item = Found(wanted)
            session = standing.session
            told = _info(session, item)
            if told["size"] is None:
                # of what git keeps only its bytes say it
                told["size"] = len(session.at("").read(wanted) or b"")
        return told

    def modified(self, path: str) -> datetime:
        """Returns when a file of the workspace was written; of what is read as it is
        recorded, when the commit was made.
        """
        told = self.info(path)
        seconds = told.get("mtime")
        if seconds is None:
            with self._standing() as standing:
                session = standing.session
                commit = session.commit("")
                seconds = (
                    history.committed_at(commit, session.git_path) if commit else 0
                )
        return datetime.fromtimestamp(seconds, UTC)

    def cat(self, path: Any, recursive: bool = False, **options: Any) -> Any:
        """Returns the bytes of a file, or of several by path."""
        self._bring(path, recursive=recursive)
        return super().cat(path, recursive=recursive, **options)

    def get(
        self, rpath: Any, lpath: Any, recursive: bool = False, **options: Any
    ) -> None:
        """Copies files, or with ``recursive`` directories, to paths here."""
        self._bring(rpath, recursive=recursive)
        super().get(rpath, lpath, recursive=recursive, **options)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise NotImplementedError(f"{_SCHEME} is read only")
        was_held = hasattr(self._mine, "held")
        try:
            try:
                return SeekingFile(self._opened(self._strip_protocol(path)))
            except (MissingObjectError, IntegrityError):
                if not was_held:
                    raise
                # packs may have been merged since the remote was looked at
                del self._mine.held
                return SeekingFile(self._opened(self._strip_protocol(path)))
        except (UsageError, MissingObjectError) as error:
            raise FileNotFoundError(f"{path}: {error.message}") from error

    def _opened(self, path: str) -> Any:
        with self._standing() as standing:
            session = standing.session
            if isinstance(session, Elsewhere):
                item = standing.at(path)
                if item is None or item.content is None or item.is_directory:
                    return reading.open_file(session, path, closing=lambda: None)
                return reading.open_content(session.sources, item.content, path)
        return self.project.open(path, "rb")

    def _bring(self, path: Any, *, recursive: bool) -> None:
        """Gets the small ones of several files by few requests."""
        with suppress(FileNotFoundError), self._standing() as standing:
            session = standing.session
            paths = self.expand_path(path, recursive=recursive)
            if len(paths) > 1 and isinstance(session, Elsewhere):
                standing.bring_listings(paths)
                found = [item.content for item in map(standing.at, paths) if item]
                session.sources.fetch(
                    content
                    for content in found
                    if content is not None
                    and content.kind != TREE
                    and content.size < SMALL_OBJECT
                )

    @contextmanager
    def _standing(self) -> Iterator[Standing]:
        """The project as it is to be read: a workspace looked at now, a revision as
        this thread has opened it before.
        """
        held = getattr(self._mine, "held", None)
        # a child's connections must not be its parent's
        if held is not None and held.process == os.getpid():
            yield held.standing
            return
        with ExitStack() as stack:
            with self._first:
                project = self.project
                if self._commit:
                    project = Project(self._place, self._commit)
                session = stack.enter_context(project.session())
                standing = Standing(session)
                # two calls must not read two commits, where a branch moves on
                if isinstance(session, Elsewhere):
                    self._commit = session.base
            if isinstance(session, Elsewhere):
                self._mine.held = _Held(standing, stack.pop_all())
            yield standing


class _Held:
    """What a thread has opened: closed when nobody refers to it any more."""

    def __init__(self, standing: Standing, stack: ExitStack) -> None:
        self.standing = standing
        self.process = os.getpid()
        weakref.finalize(self, _close, stack, self.process)


def _close(stack: ExitStack, process: int) -> None:
    # not what its parent still uses
    if process == os.getpid():
        stack.close()


def _info(session: Session, item: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"name": item.path, "size": None, "type": "file"}
    if item.content is not None:
        told["size"] = item.content.size
        told["digest"] = session.project.algorithm.text(item.content.hex)
    if not session.named:
        # as it stands, which need not be as it was recorded
        place = session.project.absolute(item.path)
        if os.path.exists(place):
            state = os.stat(place)
            is_directory = stat.S_ISDIR(state.st_mode)
            told["size"] = 0 if is_directory else state.st_size
            told["type"] = "directory" if is_directory else "file"
            told["mtime"] = state.st_mtime
            return told
    # by what it is called on the web: some keep what they made of a file by it
    if item.content is not None or item.blob:
        told["ETag"] = told.get("digest", item.blob)
    if item.is_directory:
        told["type"] = "directory"
        told["size"] = told["size"] or 0
    return told
