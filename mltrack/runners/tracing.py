"""Which files of the project a command opens: by a hook in Python's own programs, or by the kernel for all of them.

``python`` costs next to nothing and sees what Python programs open through Python: files, and the modules that they
import. It does not see what C libraries open by themselves, nor programs in other languages, nor ``python -I``.
``strace`` sees every program, at about 0.05 ms per opened file.
"""

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

PYTHON, STRACE = "python", "strace"
HOOK_PATH = os.path.join(os.path.dirname(__file__), "audit")
FILE_VARIABLE, ROOT_VARIABLE = "MLTRACK_TRACE_FILE", "MLTRACK_TRACE_ROOT"
_OPENED = re.compile(rb"(?:open|openat|creat|openat2)\(.*?,? ?(\{?flags=)?(O_[A-Z_|]+)?.*\) = \d+<(/.*)>$")
Opened = tuple[frozenset[str], frozenset[str]]


class Trace(Protocol):
    """One job being traced. ``prefix`` stands before its command."""

    prefix: list[str]

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Returns the variables to set."""
        ...

    def opened(self) -> Opened:
        """Returns the paths read and written, relative to the root, once the job has ended; to be called once."""
        ...


def start(how: str, root: str) -> Trace:
    """Returns a trace of a job that sees the project at ``root``."""
    return _Strace(root) if how == STRACE else _Hook(root)


def has_strace() -> bool:
    return shutil.which("strace") is not None


class _Hook:
    """Python's audit hook, set by a ``sitecustomize`` that stands first on the path and calls the next one."""

    def __init__(self, root: str) -> None:
        self.prefix: list[str] = []
        self._root = root
        self._file = _fresh_path()

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (HOOK_PATH, environment.get("PYTHONPATH", ""))))
        return {"PYTHONPATH": path, FILE_VARIABLE: self._file, ROOT_VARIABLE: self._root}

    def opened(self) -> Opened:
        lines: set[str] = set()
        with suppress(FileNotFoundError):  # no Python program, or none that opened anything here
            with open(self._file, encoding="utf-8", errors="surrogateescape") as file:
                lines = {line.rstrip("\n") for line in file}
            os.unlink(self._file)
        reads = frozenset(filter(None, (_source_of(line[1:]) for line in lines if line[:1] == "r")))
        return reads, frozenset(line[1:] for line in lines if line[:1] == "w")


class _Strace:
    """strace with a filter in the kernel: only the calls that open files stop the program."""

    def __init__(self, root: str) -> None:
        self._root = root + "/"
        self._file = _fresh_path()
        calls = "trace=open,openat,openat2,creat"
        self.prefix = ["strace", "-f", "--seccomp-bpf", "-qqq", "-y", "-s", "0", "-e", calls, "-e", "signal=none"]
        self.prefix += ["-o", self._file, "--"]

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {}

    def opened(self) -> Opened:
        reads: set[str] = set()
        writes: set[str] = set()
        with suppress(FileNotFoundError), open(self._file, "rb") as file:
            for line in file:
                match = _OPENED.search(line.rstrip())
                if match is None:
                    continue
                path = os.fsdecode(match[3])
                if not path.startswith(self._root) or b"O_DIRECTORY" in line or b"O_PATH" in line:
                    continue
                inner = path[len(self._root) :]
                is_write = b"O_WRONLY" in line or b"O_RDWR" in line or b"creat(" in line
                (writes if is_write else reads).add(inner)
        with suppress(FileNotFoundError):
            os.unlink(self._file)
        return frozenset(filter(None, map(_source_of, reads))), frozenset(writes)


def _fresh_path() -> str:
    """A name that nobody can guess, in a place that sandboxes see too. A program that opens nothing makes no file."""
    return os.path.join(os.environ.get("TMPDIR", "/tmp"), f"mltrack-trace-{secrets.token_hex(16)}")


def _source_of(path: str) -> str:
    """The path that a person means: of compiled Python the source; '' for what no stage declares."""
    directory, _, name = path.rpartition("/")
    if directory.rpartition("/")[2] == "__pycache__":
        module = name.partition(".")[0]
        above = directory.rpartition("/")[0]
        return f"{above}/{module}.py" if above else f"{module}.py"
    parts = path.split("/")
    if (
        parts[0] in (".git", ".mltrack")
        or "site-packages" in parts
        or "dist-packages" in parts
        or path.endswith(".pyc")
    ):
        return ""
    return path
