"""Parsed YAML, remembered by the digest of its text: parsing a large pipeline file costs fifty times reading it back."""

import json
import os
from typing import Any

from mltrack import __version__
from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.objects.digest import XXH3

MAX_BYTES = 64 << 20


class Remembered:
    """Loads YAML texts; what was parsed once is kept as JSON below ``path``, which is safe to delete."""

    def __init__(self, path: str) -> None:
        self._path = os.path.join(path, "parsed")
        self._seen: dict[str, Any] = {}

    def load(self, data: bytes, name: str) -> Any:
        """Returns what parsing ``data`` gives; ``name`` is the file's path, for errors."""
        key = XXH3.hex_of(data + __version__.encode())
        if key not in self._seen:
            self._seen[key] = self._load(key, data, name)
        return self._seen[key]

    def _load(self, key: str, data: bytes, name: str) -> Any:
        path = os.path.join(self._path, key + ".json")
        try:
            kept = read_bounded(path, MAX_BYTES)
            if kept is not None:
                checksum, _, text = kept.partition(b"\n")
                if checksum.decode() == XXH3.hex_of(text):
                    return json.loads(text)
        except (OSError, ValueError, FormatError):
            pass
        from mltrack.formats.pipeline_file import parse_yaml  # noqa: PLC0415 - the YAML library costs 24 ms to load

        value = parse_yaml(data, name)
        try:
            text = json.dumps(value, allow_nan=False).encode()
            make_directories(self._path)
            write_atomic(path, XXH3.hex_of(text).encode() + b"\n" + text, durable=False)
        except (OSError, ValueError):
            pass  # not a number has no JSON form; a full disk costs a parse
        return value
