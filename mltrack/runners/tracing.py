"""Which files of the project a command opens: by a hook in Python's own programs, or by
the kernel for all of them.

``python`` costs next to nothing and sees what Python programs open through Python:
files, and the modules that they import. It does not see what C libraries open by
themselves, nor programs in other languages, nor ``python -I``. ``strace`` sees every
program, at about 0.05 ms per opened file.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Protocol

PYTHON, STRACE = "python", "strace"
HOOK_PATH = os.path.join(os.path.dirname(__file__), "audit")
FILE_VARIABLE = "MLTRACK_TRACE_FILE"
_OPENED = re.compile(rb"(?:open|openat|creat|openat2)\(.*\)\s+= \d+<(/.*)>$")
# in ns: file stamps come from a clock that ticks every 1-10 ms, and may lag that much
_GRAIN_NS = 10_000_000
Opened = tuple[frozenset[str], frozenset[str]]


class Trace(Protocol):
    """One job being traced. ``prefix`` stands before its command."""

    prefix: list[str]

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Returns the variables to set."""
        ...

    def opened(self) -> Opened:
        """Returns the paths read and written, relative to the root, once the job has
        ended; to be called once.
        """
        ...


def start(how: str, root: str) -> Trace:
    """Returns a trace of a job that sees the project at ``root``."""
    return _Strace(root) if how == STRACE else _Hook(root)


def has_strace() -> bool:
    return shutil.which("strace") is not None


class _Hook:
    """Python's audit hook, set by a ``sitecustomize`` that stands first on the path and
    calls the next one.
    """

    def __init__(self, root: str) -> None:
        self.prefix: list[str] = []
        self._root = root
        self._began = time.time_ns() - _GRAIN_NS
        self._file = _fresh_path()

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join(
            filter(None, (HOOK_PATH, environment.get("PYTHONPATH", "")))
        )
        return {"PYTHONPATH": path, FILE_VARIABLE: self._file}

    def opened(self) -> Opened:
        data = b""
        # no Python program, or none that opened anything
        with suppress(FileNotFoundError):
            with open(self._file, "rb") as file:
                data = file.read()
            os.unlink(self._file)
        opened: set[str] = set()
        cwd, prefixes = "/", [self._root]
        fields = iter(os.fsdecode(data).split("\0"))
        for field in fields:
            kind, value = field[:1], field[1:]
            if kind == "c":
                cwd, prefixes = value, []
            elif kind == "x":
                prefixes.append(value + "/")
            elif kind == "o" and value.isdigit():
                opened |= self._inside(islice(fields, int(value)), cwd, tuple(prefixes))
        writes = frozenset(path for path in opened if self._was_written(path))
        return frozenset(filter(None, map(_source_of, opened - writes))), writes

    def _was_written(self, path: str) -> bool:
        """Whether a file changed since the trace began: then it was opened to write it."""
        try:
            # not mtime: a program can set that back
            return os.stat(os.path.join(self._root, path)).st_ctime_ns >= self._began
        except OSError:
            return False

    def _inside(
        self, paths: Iterable[str], cwd: str, prefixes: tuple[str, ...]
    ) -> set[str]:
        """Those of the paths that lie in the project and not in the interpreter's own
        places, relative to the root.
        """
        top = self._root + "/"
        found = set()
        for path in paths:
            full = path if path.startswith("/") else f"{cwd}/{path}"
            # most paths are clean: normpath only where it could change something
            if "/." in full or "//" in full:
                full = os.path.normpath(full)
            if full.startswith(top) and not full.startswith(prefixes):
                found.add(full[len(top) :])
        return found


class _Strace:
    """strace with a filter in the kernel: only the calls that open files stop the
    program.
    """

    def __init__(self, root: str) -> None:
        self._root = root + "/"
        self._file = _fresh_path()
        calls = "trace=open,openat,openat2,creat"
        self.prefix = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qqq",
            "-y",
            # no strings: -y gives the path of what was opened
            "-s",
            "0",
            "-e",
            calls,
            "-e",
            "signal=none",
        ]
        self.prefix += ["-o", self._file, "--"]

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {}

    def opened(self) -> Opened:
        reads: set[str] = set()
        writes: set[str] = set()
        with suppress(FileNotFoundError), open(self._file, "rb") as file:
            for line in _whole_lines(file):
                match = _OPENED.search(line.rstrip())
                if match is None:
                    continue
                path = os.fsdecode(match[1])
                # to list a directory, or to hold its place, reads no file
                if (
                    not path.startswith(self._root)
                    or b"O_DIRECTORY" in line
                    or b"O_PATH" in line
                ):
                    continue
                inner = path[len(self._root) :]
                is_write = b"O_WRONLY" in line or b"O_RDWR" in line or b"creat(" in line
                (writes if is_write else reads).add(inner)
        with suppress(FileNotFoundError):
            os.unlink(self._file)
        return frozenset(filter(None, map(_source_of, reads))), frozenset(writes)


def _whole_lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a trace, those put together that strace split because another process
    came between.
    """
    begun: dict[bytes, bytes] = {}
    for line in file:
        pid = line.partition(b" ")[0]
        if line.rstrip().endswith(b"<unfinished ...>"):
            begun[pid] = line.rpartition(b"<unfinished")[0].rstrip()
        elif b" resumed>" in line:
            yield begun.pop(pid, b"") + line.partition(b" resumed>")[2]
        else:
            yield line


def _fresh_path() -> str:
    """A name that nobody can guess, in a place that sandboxes see too. A program that
    opens nothing makes no file.
    """
    return os.path.join(
        os.environ.get("TMPDIR", "/tmp"), f"mltrack-trace-{secrets.token_hex(16)}"
    )


def _source_of(path: str) -> str:
    """The path that a person means: of compiled Python the source; '' for what no stage
    declares.
    """
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
