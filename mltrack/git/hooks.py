"""git's hooks and merge drivers: installed by ``init``, never over anything that is already there.

Each calls the interpreter that installed it by absolute path, else ``mltrack`` on PATH, else says so in one line: a
virtual environment that is not activated, or was removed, must not stop git. ``-P`` keeps the repository's own files
from being taken for modules.
"""

import os
import shlex
import stat
from typing import NamedTuple

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.git import repository as git
from mltrack.git.repository import Repository

HOOKS = ("post-checkout", "post-commit", "post-merge", "post-rewrite", "pre-commit", "pre-push")
MARK = "# installed by mltrack"
ATTRIBUTES = ("*.mlt merge=mltrack-pointer", "mltrack.lock merge=mltrack-lock")
DRIVERS = {"mltrack-pointer": "merge of mltrack pointers", "mltrack-lock": "merge of mltrack locks"}


class Installed(NamedTuple):
    """What ``install`` did, and for each hook that was left alone the line to add to it."""

    hooks: list[str]
    left: list[tuple[str, str]]


def script(hook: str, interpreter: str) -> str:
    """Returns the text of a hook. Both ways of calling pass git's arguments and standard input on."""
    python = shlex.quote(interpreter)
    return f"""#!/bin/sh
{MARK}
if [ -x {python} ] && {python} -P -c 'import mltrack' 2>/dev/null; then
  exec {python} -P -m mltrack hook {hook} "$@"
elif command -v mltrack >/dev/null 2>&1; then
  exec mltrack hook {hook} "$@"
fi
echo "mltrack: not found, so the {hook} hook did nothing; run 'mltrack init' where it is installed" >&2
exit 0
"""


def install(repository: Repository, interpreter: str) -> Installed:
    """Writes the hooks that are missing or are older ones of ours, and defines the merge drivers in git's config."""
    directory = hooks_directory(repository)
    make_directories(directory)
    done: list[str] = []
    left: list[tuple[str, str]] = []
    for hook in HOOKS:
        path = os.path.join(directory, hook)
        text = script(hook, interpreter)
        present = read_bounded(path, 1 << 20) if os.path.lexists(path) and not os.path.islink(path) else None
        if os.path.lexists(path) and (present is None or MARK.encode() not in present):
            line = f'{shlex.quote(interpreter)} -P -m mltrack hook {hook} "$@"'
            left.append((path, line))
            continue
        if present != text.encode() or not os.stat(path).st_mode & stat.S_IXUSR:
            write_atomic(path, text.encode(), mode=0o755)
            os.chmod(path, 0o755)
        done.append(hook)
    for name, about in DRIVERS.items():
        command = driver_command(name.removeprefix("mltrack-"), interpreter)
        _set(repository, f"merge.{name}.name", about)
        _set(repository, f"merge.{name}.driver", command)
    return Installed(done, left)


def driver_command(kind: str, interpreter: str) -> str:
    """Returns the command line of a merge driver; ends with 1, a conflict, where mltrack cannot be found."""
    python = shlex.quote(interpreter)
    arguments = f"merge-driver {kind} %O %A %B %P"
    return (
        f"if [ -x {python} ]; then {python} -P -m mltrack {arguments}; "
        f"elif command -v mltrack >/dev/null; then mltrack {arguments}; else exit 1; fi"
    )


def are_installed(repository: Repository) -> bool:
    """Returns whether this clone has mltrack's hooks, or someone's own in their place; reads files only."""
    path = os.path.join(repository.common_dir, "hooks", "post-checkout")
    return os.path.lexists(path) or _has_other_hooks_path(repository)


def _has_other_hooks_path(repository: Repository) -> bool:
    data = read_bounded(os.path.join(repository.common_dir, "config"), 1 << 20) or b""
    return b"hookspath" in data.lower()


def hooks_directory(repository: Repository) -> str:
    """Returns where git looks for hooks, ``core.hooksPath`` included."""
    out = git.run_plain(["config", "--path", "--get", "core.hooksPath"], repository.top, ok=(0, 1))
    path = os.fsdecode(out).rstrip("\n")
    return os.path.join(repository.top, path) if path else os.path.join(repository.common_dir, "hooks")


def _set(repository: Repository, key: str, value: str) -> None:
    current = git.run(["config", "--local", "--get", key], repository.top, ok=(0, 1)).decode().rstrip("\n")
    if current != value:
        git.run(["config", "--local", key, value], repository.top)


def include_attributes(text: str) -> str:
    """Returns the text of a ``.gitattributes`` with the lines that name the merge drivers."""
    fresh = [line for line in ATTRIBUTES if line not in text.split("\n")]
    if not fresh:
        return text
    return (text + "\n" if text and not text.endswith("\n") else text) + "\n".join(fresh) + "\n"
