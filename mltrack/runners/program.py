"""The worker as one file: a Python program that a host's own ``python3`` runs, named by
its digest.

A connection begins with a few lines given to ``python3 -c``: they look whether the file
is there and whole, take it from the connection if not, and run it in the same process.
"""

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from functools import cache as memoized
from typing import NamedTuple

PACKAGE = "mltrack_worker"
GREETING = b"MLTRACK-WORKER "
HAVE, NEED, OLD = b"have", b"need", b"old"
# a zip needs a time; always the same one, so that the digest is that of the sources
_EPOCH = (2000, 1, 1, 0, 0, 0)
# it must parse on Pythons that are too old as well: it says that they are
_BOOT = f"""
import hashlib, os, sys
place, digest, size = os.path.expanduser(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def say(word): os.write(1, b"\\n{GREETING.decode()}" + word + b"\\n")
if sys.version_info < (3, 8):
    say(b"{OLD.decode()} %d.%d" % sys.version_info[:2]); sys.exit(1)
try:
    os.makedirs(place, 0o700, exist_ok=True)
    path = os.path.join(place, "worker-" + digest[:16] + ".pyz")
    def whole():
        try:
            with open(path, "rb") as file: return hashlib.sha256(file.read()).hexdigest() == digest
        except FileNotFoundError: return False
    if whole(): say(b"{HAVE.decode()}")
    else:
        say(b"{NEED.decode()}")
        data = b""
        while len(data) < size:
            piece = os.read(0, size - len(data))
            if not piece: sys.exit(1)
            data += piece
        with open(path + "." + str(os.getpid()), "wb") as file: file.write(data)
        os.rename(path + "." + str(os.getpid()), path)
        if not whole(): sys.exit("the worker did not arrive whole")
except OSError as error:
    sys.exit("%s: %s" % (error.filename, error.strerror))
sys.path.insert(0, path)
from {PACKAGE}.runners.worker.serve import main
main(place)
"""


class Program(NamedTuple):
    """The file's bytes, and their SHA-256 in hexadecimal."""

    data: bytes
    digest: str


@memoized
def worker_program() -> Program:
    """Returns the worker; the same bytes for the same sources, wherever it is built."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources():
            archive.writestr(
                zipfile.ZipInfo(name, _EPOCH), source, zipfile.ZIP_DEFLATED
            )
    data = buffer.getvalue()
    return Program(data, hashlib.sha256(data).hexdigest())


def sources() -> Iterator[tuple[str, bytes]]:
    """Yields the files in the worker, by their names in it: laid out as in mltrack, so
    that the worker finds the logger in the same place here and there; and what commands
    that it runs find as ``mltrack``.
    """
    runners = os.path.dirname(os.path.abspath(__file__))
    # packages that are empty here too
    yield f"{PACKAGE}/__init__.py", b""
    yield f"{PACKAGE}/runners/__init__.py", b""
    for inner, top in (
        (f"{PACKAGE}/runners/worker", os.path.join(runners, "worker")),
        (f"{PACKAGE}/logger", os.path.join(os.path.dirname(runners), "logger")),
        ("", os.path.join(runners, "handed")),
    ):
        for directory, names, files in os.walk(top):
            # in a fixed order: each file system lists in its own
            names.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    path = os.path.join(directory, name)
                    with open(path, "rb") as file:
                        found = os.path.join(inner, os.path.relpath(path, top))
                        yield found, file.read()


def boot_arguments(place: str, program: Program) -> list[str]:
    """Returns what follows ``python3``: characters that no shell of any login changes,
    but for ``place``.
    """
    text = base64.b64encode(_BOOT.encode()).decode()
    return [
        "-c",
        f"import base64;exec(base64.b64decode('{text}'))",
        place,
        program.digest,
        str(len(program.data)),
    ]
