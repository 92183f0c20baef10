"""Which commit is checked out, and whether files differ from it, for records of what
ran.
"""

import os
import time

from mltrack.git import history, index
from mltrack.git.repository import Repository

# seconds: a thousand short stages do not ask a thousand times
_KEEP_SECONDS = 1.0
# of the time that asking takes: in a large repository it is no small part of a run
_KEEP_TIMES = 20


class CodeState:
    """Returns, when called, the commit of HEAD and whether tracked files below a path
    differ from it: as of now where git's own files changed, else as of about a second
    ago.
    """

    def __init__(self, repository: Repository, path: str) -> None:
        self._repository, self._path = repository, path
        self._stamps: list[tuple[int, int, int]] = []
        self._until = 0.0
        self._state = ("", False)

    def __call__(self) -> tuple[str, bool]:
        stamps = self._now()
        if stamps != self._stamps or time.monotonic() > self._until:
            began = time.monotonic()
            commit = history.head_commit(self._repository)
            self._state = commit, bool(commit) and index.is_dirty(self._path)
            ended = time.monotonic()
            self._until = ended + max(_KEEP_SECONDS, _KEEP_TIMES * (ended - began))
            # of before it was asked: what changed meanwhile is seen next time
            self._stamps = stamps
        return self._state

    def _now(self) -> list[tuple[int, int, int]]:
        """What a commit, a checkout or a `git add` changes."""
        found = []
        for name in ("HEAD", "index", os.path.join("logs", "HEAD")):
            try:
                state = os.stat(os.path.join(self._repository.git_dir, name))
            except FileNotFoundError:
                # without reflogs, or before the first commit
                continue
            found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        return found
