"""What was replaced by force: where it stood and under which digest the cache keeps it,
so that it can be had again.
"""

import json
import os
import time
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.formats import json_text
from mltrack.formats.lock_file import content_data, parse_content
from mltrack.formats.paths import check_path
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm

_UNDONE = ".undone"


class Replaced(NamedTuple):
    """One note: what stood at ``path`` until ``moment``, in seconds since 1970.
    ``file`` holds all notes of a command.
    """

    path: str
    content: Content
    moment: float
    file: str


class Trash:
    """Notes in one directory of the worktree, one file per command."""

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self._path = path
        self._algorithm = algorithm
        # by time, so that names sort; two commands of one moment differ by process
        self._file = os.path.join(path, f"{time.time_ns():020d}-{os.getpid()}.json")
        self._items: list[tuple[str, Content]] = []

    def note(self, saved: list[tuple[str, Content]]) -> None:
        """Writes down, durably, what is about to be replaced; its bytes are in the
        cache already.
        """
        if saved:
            self._items += saved
            self._write(self._file, self._items)

    def undone(
        self, taken: list[Replaced], replaced: list[tuple[str, Content]]
    ) -> None:
        """Takes notes of one command out of what can be undone, and keeps what undoing
        them replaced; its other notes stay.
        """
        file = taken[0].file
        left = [
            (note.path, note.content)
            for note in self.notes()
            if note.file == file and note not in taken
        ]
        # before the old notes go: a kill leaves both
        self._write(f"{file}.{time.time_ns()}{_UNDONE}", replaced)
        if left:
            self._write(file, left)
        else:
            with suppress(FileNotFoundError):
                os.unlink(file)

    def set_aside(self, project_path: str, path: str) -> str:
        """Moves what stands at a path out of the way, as it is; returns where to."""
        directory = os.path.join(self._path, "aside")
        make_directories(directory)
        place = os.path.join(directory, f"{time.time_ns()}-{os.path.basename(path)}")
        # moved: what cannot be recorded cannot be saved as objects
        os.rename(os.path.join(project_path, path), place)
        return place

    def notes(self, *, undone: bool = False) -> list[Replaced]:
        """Returns all notes, oldest first, or with ``undone`` those that undoing left;
        unreadable ones are passed over.
        """
        found: list[Replaced] = []
        for name in self._names():
            if name.endswith(_UNDONE) == undone:
                path = os.path.join(self._path, name)
                with suppress(FormatError, OSError, KeyError, TypeError, ValueError):
                    # 64 MiB: notes on some 400,000 paths
                    value = json_text.load(read_bounded(path, 64 << 20) or b"", path)
                    for item in value["replaced"]:
                        content = parse_content(item, self._algorithm, path)
                        found.append(
                            Replaced(
                                check_path(item["path"], path),
                                content,
                                float(value["moment"]),
                                path,
                            )
                        )
        return found

    def forget_before(self, moment: float) -> None:
        """Deletes notes that are older."""
        for note in (*self.notes(), *self.notes(undone=True)):
            if note.moment < moment:
                with suppress(FileNotFoundError):
                    os.unlink(note.file)

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._path))
        except FileNotFoundError:
            return []

    def _write(self, path: str, items: list[tuple[str, Content]]) -> None:
        make_directories(self._path)
        replaced = [
            {"path": place, **content_data(content, self._algorithm)}
            for place, content in items
        ]
        data = {"mltrack": 1, "moment": time.time(), "replaced": replaced}
        write_atomic(path, (json.dumps(data, indent=1) + "\n").encode())
