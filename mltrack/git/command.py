"""git as a process, with an environment and options that no clone can bend.

A git process costs 2 ms where importing a git library costs 130 ms; see
docs/internals/decisions.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import IO, NamedTuple

from mltrack.errors import GitError

# Values that git would run, take for another repository, or read our patterns by: never
# inherited from a hook or set by a clone.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_EXTERNAL_DIFF",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    # `git --literal-pathspecs` hands it to hooks, and `*.mlt` would match nothing
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
_SETTINGS = (
    # a program that a clone could name
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "diff.external=",
    "protocol.ext.allow=never",
    # what would change the output that is read here
    "core.quotePath=false",
    "log.showSignature=false",
    # `-m` means what this says: a settled merge would name nothing
    "log.diffMerges=separate",
    "log.follow=false",
    "diff.relative=false",
)
# `remote: Counting objects:  12% (3/25)`, `Receiving objects: 100% (9/9), 1.2 KiB`, and
# the sum at the end
_PROGRESS = re.compile(rb"(remote: )?([A-Z][a-z]+ing [a-z ]+: +[0-9]|Total [0-9])")
_SAFE = tuple(word for setting in _SETTINGS for word in ("-c", setting))


def run(
    arguments: Iterable[str],
    cwd: str,
    *,
    data: bytes | None = None,
    ok: tuple[int, ...] = (0,),
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Returns what ``git`` printed; raises GitError with its words if it ends with a
    code not in ``ok``. ``variables`` are set for this process of git alone.
    """
    return _run(["git", *_SAFE, *arguments], cwd, _Asked(data, ok, variables or {}))


def run_plain(
    arguments: Iterable[str], cwd: str, *, ok: tuple[int, ...] = (0,)
) -> bytes:
    """Like :func:`run`, with the user's own settings in force: for asking what they
    are.
    """
    return _run(["git", *arguments], cwd, _Asked(ok=ok))


def run_strict(arguments: Iterable[str], cwd: str) -> bytes:
    """Like :func:`run`, for what must not be passed over: what git only warns of raises
    GitError as well.
    """
    return _run(["git", *_SAFE, *arguments], cwd, _Asked(warnings_fail=True))


class _Asked(NamedTuple):
    """How git is run: what it reads, which exit codes are good, what it finds in its
    environment besides, and whether a warning is as bad as an error.
    """

    data: bytes | None = None
    ok: tuple[int, ...] = (0,)
    variables: Mapping[str, str] = {}
    warnings_fail: bool = False


def run_telling(
    arguments: Iterable[str], cwd: str, tell: Callable[[str], object], *, data: bytes
) -> None:
    """Like :func:`run`, for a command that shows with ``--progress`` how far it is:
    ``tell`` is called with each of its lines about that.
    """
    command = ["git", *_SAFE, *arguments]
    with tempfile.TemporaryFile() as given:
        # a file: a pipe that nobody empties would wait for us, and we for it
        given.write(data)
        given.seek(0)
        with _started(command, cwd, given) as process:
            assert process.stderr is not None
            words = _without_progress(process.stderr, tell)
    _check(command, process.returncode, words, (0,))


def _started(
    command: list[str], cwd: str, given: IO[bytes]
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    except FileNotFoundError:
        raise _not_installed() from None


def _without_progress(stream: IO[bytes], tell: Callable[[str], object]) -> bytes:
    """What a command said, but for lines about how far it is, which are told."""
    kept, rest = [], b""
    while piece := os.read(stream.fileno(), 1 << 16):
        # a line that is shown over another ends with a carriage return
        *lines, rest = (rest + piece).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if _PROGRESS.match(line):
                tell(line.decode("utf-8", "replace").strip())
            else:
                kept.append(line)
    return b"\n".join((*kept, rest))


def _run(command: list[str], cwd: str, asked: _Asked) -> bytes:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            input=asked.data,
            capture_output=True,
            env={**environment(), **asked.variables},
            check=False,
        )
    except FileNotFoundError:
        raise _not_installed() from None
    # of a broken ref git only warns, with code 0: whoever deletes must know of it
    failed = asked.warnings_fail and done.stderr.strip()
    _check(command, done.returncode, done.stderr, () if failed else asked.ok)
    return done.stdout


def _check(command: list[str], code: int, said: bytes, ok: tuple[int, ...]) -> None:
    """Raises GitError, with what git said, for a code that is not in ``ok``."""
    if code not in ok:
        words = said.decode("utf-8", "replace").strip()
        # past our own `-c name=value`, which would tell the person nothing
        verb = next(
            word for word in command[1:] if not word.startswith("-") and "=" not in word
        )
        raise GitError(f"git {verb} failed: {words or f'exit code {code}'}")


def _not_installed() -> GitError:
    return GitError("git is not installed, or not on PATH", hint="install git")


def environment() -> dict[str, str]:
    """Returns the environment for git: without what a surrounding git hook left in it."""
    # a hook runs with GIT_DIR set, and git would ask that one, whatever the directory
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return {
        **kept,
        # status would take index.lock to write back stamps, and the person's git fail
        "GIT_OPTIONAL_LOCKS": "0",
        # its words stand in our errors, which are in English
        "LC_ALL": "C",
        # a question that nobody sees would wait for ever
        "GIT_TERMINAL_PROMPT": "0",
    }
