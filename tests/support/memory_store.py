"""A store in memory: the smallest thing that keeps the store protocol's promises."""

import threading
import time
from collections.abc import Iterable, Iterator

from mltrack.store.kinds.store import Abilities, Listed


class MemoryStore:
    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, float]] = {}
        self.lock = threading.Lock()

    url = "memory://"
    abilities = Abilities(durable=False, local=True, writable=True)

    def list(self, prefix: str) -> Iterator[Listed]:
        start = prefix.strip("/") + "/" if prefix.strip("/") else ""
        for name, (data, modified) in list(self.files.items()):
            if name.startswith(start):
                yield Listed(name, len(data), modified)

    def missing(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if name not in self.files}

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if name not in self.files:
            raise FileNotFoundError(name)
        data = self.files[name][0]
        return data[offset:] if length is None else data[offset : offset + length]

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        data = self.get(name)
        with open(path, "xb") as file:
            file.write(data)

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        self.files[name] = (bytes(data), time.time())

    def create(self, name: str, data: bytes) -> bool:
        with self.lock:
            if name in self.files:
                return False
            self.put(name, data)
        return True

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        with open(path, "rb") as file:
            self.put(name, file.read())

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.files.pop(name, None)

    def clean(self, before: float) -> int:
        return 0

    def close(self) -> None:
        pass
