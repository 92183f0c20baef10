"""Which project is meant, and how a call opens it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mltrack.api import lazily
from mltrack.errors import PartlyDoneError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mltrack.verbs.session import Session


class Place:
    """A project: that of a directory here, or of another repository, at a revision."""

    def __init__(
        self, place: str | os.PathLike[str] = ".", rev: str | None = None
    ) -> None:
        self._place = os.fspath(place)
        self._rev = rev or ""

    def __repr__(self) -> str:
        rev = f", rev={self._rev!r}" if self._rev else ""
        return f"mltrack.Project({self._place!r}{rev})"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Opens it for the length of a block, for what is built on mltrack's own parts,
        which may change with any version.
        """
        if self._is_here and not self._rev:
            project = lazily.projects.find(self._place)
            with lazily.session.Session(project) as session:
                yield session
            return
        with lazily.elsewhere.open_elsewhere(self._address, self._rev) as session:
            yield session

    @property
    def _is_here(self) -> bool:
        return os.path.isdir(self._place) and not lazily.source.is_url(self._place)

    @property
    def _address(self) -> str:
        """The place as that of another repository, with the project's own in it."""
        if not self._is_here:
            return lazily.elsewhere.place_of(self._place, os.curdir)
        found = lazily.projects.find(self._place)
        return f"{found.repository.top}#{found.inner}"

    @contextmanager
    def _workspace(self) -> Iterator[Session]:
        """Opens what has files to work on; raises UsageError for what has none."""
        if self._rev or lazily.source.is_url(self._place):
            raise UsageError(
                f"{self!r} has no workspace",
                hint="open the project of a directory, without rev",
            )
        with self.session() as session:
            yield session

    @contextmanager
    def _acting(self) -> Iterator[Session]:
        """Opens a workspace to change something; raises PartlyDoneError at the end for
        tracked paths that the work went on without.
        """
        with self._workspace() as session:
            yield session
        left_out = list(session.left_out.values())
        if left_out:
            raise PartlyDoneError(
                "\n".join(error.message for error in left_out), hint=left_out[0].hint
            )
