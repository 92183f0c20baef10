"""``mltrack://``: a project as a file system of fsspec, for reading."""

import os
import stat
from typing import Any

# not the door to stores: this is how others come in
from fsspec.spec import AbstractFileSystem

from mltrack.api.project import Project
from mltrack.errors import MissingObjectError, UsageError
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

    ``repo`` and ``rev`` are as in :class:`mltrack.Project`. Nothing can be written.
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
        with self.project.session() as session:
            children = Standing(session).children(wanted)
            if children is None:
                raise FileNotFoundError(path)
            found = [_info(session, item) for item in children]
        return found if detail else [item["name"] for item in found]

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Returns what is at a path; raises FileNotFoundError for nothing."""
        wanted = self._strip_protocol(path)
        with self.project.session() as session:
            standing = Standing(session)
            item = standing.at(wanted) if wanted else Found("")
            if item is None:
                if standing.children(wanted) is None:
                    raise FileNotFoundError(path)
                item = Found(wanted)
            told = _info(session, item)
            if told["size"] is None:
                # of what git keeps only its bytes say it
                told["size"] = len(session.at("").read(wanted) or b"")
        return told

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise NotImplementedError(f"{_SCHEME} is read only")
        try:
            return self.project.open(self._strip_protocol(path), "rb")
        except (UsageError, MissingObjectError) as error:
            raise FileNotFoundError(f"{path}: {error.message}") from error


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
            return told
    if item.is_directory:
        told["type"] = "directory"
        told["size"] = told["size"] or 0
    return told
