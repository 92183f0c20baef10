"""Checkpoints of stages that run in the workspace: what a command saved of its state
before it was ended.

They belong to a run key: what was saved for other inputs is never found by a command.
Between attempts a checkpoint lies aside, below mltrack's scratch directory; it is
removed once the stage has a result, or was not asked for in two weeks.
"""

import os
import shutil
import time
from contextlib import suppress

from mltrack.disk.durable import make_directories, names_in, read_bounded, write_atomic

# as long as gc's grace: nobody goes on from what is older, and it is large
_KEEP_SECONDS = 14 * 86400
_RUNNING = ".running"


class Checkpoints:
    """The checkpoints below ``path``, of the project at ``project_path``."""

    def __init__(self, project_path: str, path: str) -> None:
        self._project_path, self._path = project_path, path

    def restore(self, directory: str, key: str) -> bool:
        """Makes ``directory`` what was saved for this run key, or an empty one; returns
        whether there was something. What an attempt that was killed left there is put
        aside first, for its own key.
        """
        place = os.path.join(self._project_path, directory)
        make_directories(self._path)
        if os.path.isdir(place):
            self._put_aside(place, self._former(directory))
        self._unmark(directory)
        saved = os.path.join(self._path, key) if key else ""
        os.makedirs(os.path.dirname(place), exist_ok=True)
        is_saved = bool(saved) and os.path.isdir(saved)
        if is_saved:
            # marked first: killed in between it still lies aside, which `_former` sees
            self._mark(directory, key)
            os.rename(saved, place)
        else:
            # marked last: killed in between it is nobody's, and empty
            os.mkdir(place)
            self._mark(directory, key)
        return is_saved

    def save(self, directory: str, key: str) -> None:
        """Puts what an attempt saved aside for the next one with its key."""
        place = os.path.join(self._project_path, directory)
        if os.path.isdir(place):
            if key and os.listdir(place):
                self._put_aside(place, key)
            else:
                shutil.rmtree(place, ignore_errors=True)
        # what is made there from now on is somebody else's
        self._unmark(directory)

    def forget(self, directory: str, key: str) -> None:
        """Removes a checkpoint: its stage has a result. So do others that were not
        asked for in two weeks.
        """
        # first: killed in between, what is left is nobody's
        self._unmark(directory)
        shutil.rmtree(os.path.join(self._project_path, directory), ignore_errors=True)
        for name in names_in(self._path):
            path = os.path.join(self._path, name)
            with suppress(OSError):
                if name == key or time.time() - os.stat(path).st_mtime > _KEEP_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _put_aside(self, place: str, key: str) -> None:
        target = os.path.join(self._path, key)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(place, target)
        # renaming moves no time, and its two weeks begin now
        os.utime(target)

    def _former(self, directory: str) -> str:
        """The key whose attempt left a directory, or a name that nobody asks for."""
        key = (read_bounded(self._marker(directory), 256) or b"").decode(
            "ascii", "replace"
        )
        # the marker becomes a name of a directory, and may be damaged; and of a key
        # whose checkpoint lies aside this is another directory, made by hand
        if key.isalnum() and not os.path.lexists(os.path.join(self._path, key)):
            return key
        return f"unknown-{time.time_ns()}"

    def _mark(self, directory: str, key: str) -> None:
        write_atomic(self._marker(directory), key.encode(), durable=False)

    def _unmark(self, directory: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._marker(directory))

    def _marker(self, directory: str) -> str:
        return os.path.join(self._path, directory.replace("/", "%") + _RUNNING)
