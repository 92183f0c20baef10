"""Giving a host the library that it hashes with, where it has none.

In this order: this machine's own, where the host's Python takes it; uv or pip on the
host; the right wheel, got here and sent. Where none of that works the host hashes
nothing, and its results are hashed when they are back.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from mltrack.errors import RemoteError
from mltrack.runners.connection import Connection
from mltrack.runners.worker.messages import Install, Library

_PACKAGES = {"xxh3": "xxhash", "blake3": "blake3"}
# seconds; the wheels have less than 1 MB
_DOWNLOAD_SECONDS = 120
# in bytes; well below the most that one frame may carry
_MAX_BYTES = 64 << 20
Files = list[tuple[str, bytes]]


def provide(connection: Connection, hello: dict[str, Any], algorithm: str) -> bool:
    """Returns whether the host can hash in the end."""
    package = _PACKAGES[algorithm]
    try:
        return _provide(connection, hello, package)
    except RemoteError:
        if connection.is_lost:
            raise
        # it said no: no space, perhaps, or a directory that it may not write
        return False


def _provide(connection: Connection, hello: dict[str, Any], package: str) -> bool:
    if hello["abi"] == sysconfig.get_config_var("SOABI") and _send(
        connection, _own_files(package)
    ):
        return True
    if connection.request(Install())[0]["hashes"]:
        return True
    return _send(connection, _downloaded(package, hello))


def _send(connection: Connection, files: Files) -> bool:
    if not files or sum(len(data) for _, data in files) > _MAX_BYTES:
        return False
    rows = [[name, len(data)] for name, data in files]
    reply, _ = connection.request(Library(rows), b"".join(data for _, data in files))
    return bool(reply["hashes"])


def _own_files(package: str) -> Files:
    """The files of the library that this process uses."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return []
    top = os.path.dirname(found.origin)
    return [
        (f"{package}/{name}", _read(os.path.join(top, name)))
        for name in sorted(os.listdir(top))
        if _is_library(name)
    ]


def _is_library(name: str) -> bool:
    return name.endswith((".py", ".so"))


def _downloaded(package: str, hello: dict[str, Any]) -> Files:
    """The files of the wheel that fits the host's Python, from wherever this machine's
    pip takes packages.
    """
    version = ".".join(str(hello["python"]).split(".")[:2])
    platforms = [
        f"manylinux{tag}_{hello['machine']}" for tag in ("2014", "_2_17", "_2_28")
    ]
    with tempfile.TemporaryDirectory() as directory:
        common = [
            "--quiet",
            "--only-binary=:all:",
            "--no-deps",
            "--python-version",
            version,
        ]
        commands = (
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--disable-pip-version-check",
                *common,
                "--dest",
                directory,
                "--implementation",
                "cp",
                *(word for tag in platforms for word in ("--platform", tag)),
                package,
            ],
            [
                "uv",
                "pip",
                "install",
                *common,
                "--target",
                os.path.join(directory, "u"),
                "--python-platform",
                f"{hello['machine']}-unknown-linux-gnu",
                package,
            ],
        )
        for command in commands:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_DOWNLOAD_SECONDS,
                    check=True,
                )
                return list(_unpacked(directory, package))
    return []


def _unpacked(directory: str, package: str) -> Iterator[tuple[str, bytes]]:
    for name in sorted(os.listdir(directory)):
        if name.endswith(".whl"):
            with zipfile.ZipFile(os.path.join(directory, name)) as archive:
                for inner in archive.namelist():
                    if inner.startswith(f"{package}/") and _is_library(inner):
                        yield inner, archive.read(inner)
    installed = os.path.join(directory, "u", package)
    if os.path.isdir(installed):
        for name in sorted(os.listdir(installed)):
            if _is_library(name):
                yield f"{package}/{name}", _read(os.path.join(installed, name))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
