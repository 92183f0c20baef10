"""The digest of a project's algorithm on this host, from whatever library is there."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

LIBRARIES = {"xxh3": "xxhash", "blake3": "blake3"}
_EMPTY = {
    "xxh3": "99aa06d3014798d86001c324468d497f",
    "blake3": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
}
"""The digests of no bytes: what a library must give before it is trusted."""
# seconds; the client waits for it, and without a network pip may hang
_INSTALL_SECONDS = 120


class Hashing(NamedTuple):
    """``new`` returns a hasher with ``update`` and ``hexdigest``; ``hex_size`` is the
    length of what that gives.
    """

    name: str
    hex_size: int
    new: Callable[[], Any]

    def hex_of(self, data: bytes) -> str:
        hasher = self.new()
        hasher.update(data)
        return str(hasher.hexdigest())


def find(algorithm: str, place: str) -> Hashing | None:
    """Returns the algorithm from this Python's own libraries, or from mltrack's folder
    for them; None if neither has it.
    """
    folder = library_folder(place)
    if folder not in sys.path:
        sys.path.append(folder)
    # this process may have put it there a moment ago
    importlib.invalidate_caches()
    # a library that cannot be loaded, of whatever fault, is none
    with suppress(Exception):
        module = importlib.import_module(LIBRARIES[algorithm])
        new = module.xxh3_128 if algorithm == "xxh3" else module.blake3
        if new().hexdigest() == _EMPTY[algorithm]:
            return Hashing(algorithm, len(_EMPTY[algorithm]), new)
    # half loaded it would be found again, when a better one is there
    sys.modules.pop(LIBRARIES.get(algorithm, ""), None)
    return None


def library_folder(place: str) -> str:
    """Where libraries for this interpreter lie: other versions of Python on a shared
    home have their own.
    """
    return os.path.join(place, "lib", abi())


def abi() -> str:
    """Names what a compiled library must fit: implementation, version, machine, C
    library.
    """
    return str(
        sysconfig.get_config_var("SOABI")
        or f"{sys.implementation.cache_tag}-{sys.platform}"
    )


def install(algorithm: str, place: str) -> bool:
    """Puts the library into mltrack's folder by uv or pip, whichever this host has;
    returns whether one did.
    """
    folder, library = library_folder(place), LIBRARIES[algorithm]
    os.makedirs(folder, exist_ok=True)
    for command in (
        [
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            sys.executable,
            "--target",
            folder,
            library,
        ],
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            folder,
            library,
        ],
    ):
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
            if done.returncode == 0 and find(algorithm, place) is not None:
                return True
    return False


def accept(place: str, name: str, data: bytes) -> None:
    """Puts one file of a library that a client sent into the folder; raises ValueError
    for a name that leads elsewhere.
    """
    parts = name.split("/")
    if not all(part and part not in (".", "..") for part in parts):
        raise ValueError(f"not the name of a library's file: {name!r}")
    path = os.path.join(library_folder(place), *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # aside, then renamed: another connection may be loading it
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
