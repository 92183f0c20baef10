"""Parsed texts, remembered by their digest: parsing a large pipeline file costs fifty
times reading it back, and even a small one the loading of a parser.
"""

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

from mltrack import __version__
from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.formats.pipeline_file import parse_yaml
from mltrack.objects.digest import XXH3

# bytes: the texts have at most 16 MiB
MAX_BYTES = 64 << 20
Parse = Callable[[bytes, str], Any]
"""A function with a name of its own."""


class Remembered:
    """Loads YAML and TOML texts; what was parsed once is kept as JSON below ``path``,
    which is safe to delete.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.join(path, "parsed")
        self._seen: dict[str, Any] = {}

    def forget(self) -> None:
        """Deletes what is kept: a text may have held what its owner takes back."""
        shutil.rmtree(self._path, ignore_errors=True)

    def load(self, data: bytes, name: str, parse: Parse | None = None) -> Any:
        """Returns what parsing ``data`` gives, as YAML unless ``parse`` is given;
        ``name`` is the file's path, for errors.

        What ``parse`` returns comes back in the types that JSON has.
        """
        way = parse.__qualname__ if parse is not None else ""
        # with the version: another one may read the same text otherwise
        key = XXH3.hex_of(data + f"{__version__} {way}".encode())
        if key not in self._seen:
            self._seen[key] = self._load(key, data, name, parse)
        return self._seen[key]

    def _load(self, key: str, data: bytes, name: str, parse: Parse | None) -> Any:
        path = os.path.join(self._path, key + ".json")
        try:
            kept = read_bounded(path, MAX_BYTES)
            if kept is not None:
                checksum, _, text = kept.partition(b"\n")
                # written without fsync: a power cut may have left less
                if checksum.decode() == XXH3.hex_of(text):
                    return json.loads(text)
        except (OSError, ValueError, FormatError):
            # whatever is wrong with it: it is parsed again, and replaced
            pass
        value = (parse or parse_yaml)(data, name)
        try:
            text = json.dumps(value, allow_nan=False).encode()
            make_directories(self._path)
            write_atomic(path, XXH3.hex_of(text).encode() + b"\n" + text, durable=False)
        except (OSError, ValueError, TypeError):
            pass  # what has no JSON form, and a full disk, cost a parse
        return value
