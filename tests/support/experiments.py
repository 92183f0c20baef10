"""A pipeline that experiments try, and all that they must leave as it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.workspace import Workspace

TRAINING = """\
stages:
  prep:
    cmd: tr a-z A-Z < in.txt > prep.txt
    deps: [in.txt]
    outs: [prep.txt]
  train:
    cmd: sh code/train.sh ${lr} ${depth}
    deps: [code, prep.txt]
    params: [lr, depth]
    outs: [model]
    metrics: [{metrics.json: {cache: false}}]
"""
SCRIPT = """\
echo "$1 $2" >> "$RAN"
(cat prep.txt; echo "$1 $2") > model
echo "{\\"acc\\": $1}" > metrics.json
"""


def training(ws: Workspace) -> Workspace:
    """Commits two stages, of which the second has two params, and writes to a file
    outside how often it ran. Nothing was run yet.
    """
    ws.environment["RAN"] = str(_note_of_runs(ws))
    ws.write("in.txt", "hello\n")
    ws.write("params.yaml", "lr: 0.5\ndepth: 2\n")
    ws.write("code/train.sh", SCRIPT)
    ws.write("mltrack.yaml", TRAINING)
    ws.commit("pipeline")
    return ws


def _note_of_runs(ws: Workspace) -> Path:
    return Path(ws.environment["HOME"], "ran")


def ran(ws: Workspace) -> list[str]:
    """What was run: the params of each, in the order in which they began."""
    place = _note_of_runs(ws)
    return place.read_text().splitlines() if place.exists() else []


def standing(ws: Workspace) -> dict[str, Any]:
    """Returns all that no experiment may touch: HEAD, the index, refs, the stash and
    settings of git, and the bytes, modes and times of the workspace's files.
    """
    found: dict[str, Any] = {}
    for directory, names, files in os.walk(ws.path):
        names[:] = [name for name in names if name not in (".git", ".mltrack")]
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            at = os.lstat(path)
            data = Path(path).read_bytes() if os.path.isfile(path) else b""
            link = os.readlink(path) if os.path.islink(path) else ""
            found[os.path.relpath(path, ws.path)] = (
                at.st_mode,
                at.st_mtime_ns,
                at.st_ino,
                data,
                link,
            )
    found[""] = os.lstat(ws.path).st_mtime_ns
    for name in (".mltrack/config", ".mltrack/config.local", ".mltrack/.gitignore"):
        found[name] = _bytes(ws.path / name)
    own = git_directory(ws, "--absolute-git-dir")
    for name in ("HEAD", "index", "logs/HEAD", "MERGE_HEAD", "config.worktree"):
        found[f"own {name}"] = _bytes(own / name)
    common = git_directory(ws, "--git-common-dir")
    for name in ("config", "info/exclude", "logs/refs/stash", "info/sparse-checkout"):
        found[f"common {name}"] = _bytes(common / name)
    refs = ws.git("for-each-ref", "--format=%(refname) %(objectname)").out.splitlines()
    found["refs"] = [ref for ref in refs if not ref.startswith("refs/mltrack/")]
    return found


def git_directory(ws: Workspace, which: str) -> Path:
    return ws.path / ws.git("rev-parse", which).out.strip()


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


@contextmanager
def untouched(ws: Workspace) -> Iterator[None]:
    """Fails if what no experiment may touch is another after a block."""
    before = standing(ws)
    yield
    after = standing(ws)
    changed = [
        name
        for name in {**before, **after}
        if before.get(name, "absent") != after.get(name, "absent")
    ]
    assert not changed, f"touched: {changed}"


def shown(ws: Workspace, *arguments: str) -> dict[str, dict[str, Any]]:
    """What ``exp show`` knows of each experiment, by name."""
    rows = ws.mltrack("exp", "show", "--json", *arguments).json["experiments"]
    return {row["name"]: row for row in rows}


def states(ws: Workspace) -> dict[str, str]:
    return {name: row["state"] for name, row in shown(ws).items()}


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[str]":
    """Begins a command, in a session of its own, so that all of it can be killed."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "exp", *arguments],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def refused(
    ws: Workspace, *arguments: str, words: str, hint: str = "", code: int = 1
) -> str:
    """Runs a command that must be refused by one clear error, with nothing changed:
    neither the workspace nor the experiments. Returns what it said.
    """
    refs = ws.git("for-each-ref", "refs/mltrack").out
    known = states(ws) if ws.git("rev-parse", "HEAD", code=None).code == 0 else {}
    with untouched(ws):
        done = ws.mltrack("exp", *arguments, code=code)
    said = done.err
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and words in errors[0], said
    assert hint in said, said
    assert ws.git("for-each-ref", "refs/mltrack").out == refs
    assert not known or states(ws) == known
    return said
