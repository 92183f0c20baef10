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
from {PACKAGE}.serve import main
main(place)
"""


class Program(NamedTuple):
    """The file's bytes, and their SHA-256 in hexadecimal."""

    data: bytes
    digest: str


@memoized
def worker_program() -> Program:
    """Returns the worker; the same bytes for the same sources, wherever it is built."""
    sources = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # in a fixed order: each file system lists in its own
        for name in sorted(os.listdir(sources)):
            if name.endswith(".py"):
                with open(os.path.join(sources, name), "rb") as file:
                    archive.writestr(
                        zipfile.ZipInfo(f"{PACKAGE}/{name}", _EPOCH),
                        file.read(),
                        zipfile.ZIP_DEFLATED,
                    )
    data = buffer.getvalue()
    return Program(data, hashlib.sha256(data).hexdigest())


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
