"""What was replaced by force: where it stood and under which digest the cache keeps it, so that it can be had again."""

import json
import os
import time
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.formats import json_text
from mltrack.formats.lock_file import content_data, parse_content
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm


class Replaced(NamedTuple):
    """One note: what stood at ``path`` until ``moment``, in seconds since 1970."""

    path: str
    content: Content
    moment: float
    file: str


class Trash:
    """Notes in one directory of the worktree, one file per command; they expire with the cache's grace."""

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self._path = path
        self._algorithm = algorithm

    def note(self, saved: list[tuple[str, Content]]) -> None:
        """Writes down, durably, what is about to be replaced; its bytes are in the cache already."""
        if not saved:
            return
        make_directories(self._path)
        items = [{"path": path, **content_data(content, self._algorithm)} for path, content in saved]
        data = {"mltrack": 1, "moment": time.time(), "replaced": items}
        path = os.path.join(self._path, f"{time.time_ns():020d}-{os.getpid()}.json")
        write_atomic(path, (json.dumps(data, indent=1) + "\n").encode())

    def notes(self) -> list[Replaced]:
        """Returns all notes, oldest first; unreadable ones are passed over."""
        found: list[Replaced] = []
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._path)):
                path = os.path.join(self._path, name)
                with suppress(FormatError, OSError, KeyError, TypeError):
                    value = json_text.load(read_bounded(path, 64 << 20) or b"", path)
                    for item in value["replaced"]:
                        content = parse_content(item, self._algorithm, path)
                        found.append(Replaced(str(item["path"]), content, float(value["moment"]), path))
        return found
