"""A kill, a torn write, a full disk, an I/O error at every single change of the disk,
for each command that writes.

After a kill, running the same command again ends as if nothing had happened; after an
error the exit code says so. No byte that was there before is ever lost, and no object
stands under a name that is not its own.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mltrack.formats import lock_file
from mltrack.objects.digest import XXH3
from mltrack.project import find
from mltrack.store.local.cache import Cache
from mltrack.verbs.session import Session
from tests.support.workspace import Workspace

Setup = Callable[[Workspace], None]


def add(ws: Workspace) -> None:
    ws.write("data/a", "alpha")
    ws.write("data/sub/b", "beta")
    ws.write("data/big", b"B" * (1 << 20))


def add_again(ws: Workspace) -> None:
    add(ws)
    ws.mltrack("add", "data")
    ws.write("data/a", "changed")
    ws.write("data/new", "new")


def checkout(ws: Workspace) -> None:
    add(ws)
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    shutil.rmtree(ws.path / "data/sub")
    ws.write("data/sub", "a file now")
    ws.write("data/a", "second")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1", "--", "data.mlt")


def push(ws: Workspace) -> None:
    add(ws)
    ws.mltrack("remote", "add", "store", "../store")
    ws.mltrack("add", "data")
    ws.commit()


def pull(ws: Workspace) -> None:
    push(ws)
    ws.mltrack("push")
    shutil.rmtree(ws.path / "data")
    shutil.rmtree(ws.path / ".mltrack/cache")


def repro(ws: Workspace) -> None:
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cat in > a\n    deps: [in]\n    outs: [a]\n"
        "  b:\n    cmd: mkdir b && cat a a > b/x\n    deps: [a]\n    outs: [b]\n",
    )
    ws.mltrack("repro")
    ws.commit()
    ws.write("in", "2")


def gc(ws: Workspace) -> None:
    add_again(ws)
    for number in range(4):
        ws.write("data/a", f"version {number}" * 100)
        ws.mltrack("add", "data")
    ws.mltrack("config", "gc.grace_days", "0")


def add_linked(ws: Workspace) -> None:
    ws.mltrack("config", "--local", "cache.link", "hardlink,copy")
    add(ws)


def fresh(ws: Workspace) -> None:
    add(ws)
    ws.mltrack("add", "data")
    shutil.rmtree(ws.path / "data")


def drop(ws: Workspace) -> None:
    add_again(ws)
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", "../store")
    ws.mltrack("push")


def repair(ws: Workspace) -> None:
    """A remote with a flipped byte in a pack, a missing object, and a damaged index."""
    push(ws)
    ws.mltrack("push")
    store = ws.path.parent / "store"
    pack = next(
        path for path in (store / "packs").iterdir() if b"alpha" in path.read_bytes()
    )
    for path in (pack, next((store / "index").iterdir())):
        data = bytearray(path.read_bytes())
        data[data.find(b"alpha") if path == pack else 50] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)
    next(path for path in (store / "objects").rglob("*") if path.is_file()).unlink()


def gc_remote(ws: Workspace) -> None:
    push(ws)
    ws.mltrack("push")
    for number in range(2):
        ws.write("data/a", f"version {number}" * 100)
        ws.mltrack("add", "data")
        ws.mltrack("push")
    for key in ("gc.grace_days", "gc.delay_hours"):
        ws.mltrack("config", key, "0")
    # the first of the two runs; the second forgets nothing, and deletes
    ws.mltrack("gc", "--remote", "store")
    ws.write("data/a", "last")
    ws.mltrack("add", "data")


def move_file(ws: Workspace) -> None:
    ws.write("a", "alpha")
    ws.mltrack("add", "a")


COMMANDS: dict[str, tuple[Setup, tuple[str, ...]]] = {
    "add": (add, ("add", "data")),
    "add again": (add_again, ("add", "data")),
    "checkout": (checkout, ("checkout",)),
    "push": (push, ("push",)),
    "pull": (pull, ("pull",)),
    "repro": (repro, ("repro",)),
    "gc": (gc, ("gc",)),
    "add, linked": (add_linked, ("add", "data")),
    "checkout of what is not there": (fresh, ("checkout",)),
    "drop": (drop, ("drop", "data")),
    "repair of a remote": (repair, ("fsck", "--remote", "store", "--repair")),
    "move": (move_file, ("move", "a", "deep/b")),
    "move of a directory": (add_again, ("move", "data", "images")),
    "gc of a remote": (gc_remote, ("gc", "--remote", "store")),
}
NOT_IN_CACHE = ("pull", "drop")
ONCE = ("move",)
"""What cannot be done again after it was done."""


class Sweep:
    """One command, from one prepared state, broken at one place after another."""

    def __init__(self, ws: Workspace, home: Path, arguments: tuple[str, ...]) -> None:
        self.ws, self.home, self.arguments = ws, home, arguments
        self.template = home / "template"
        shutil.copytree(
            ws.path.parent,
            self.template,
            symlinks=True,
            ignore=shutil.ignore_patterns("template", "home"),
        )
        self.before = self.contents(ws)
        told = (
            ws.mltrack("fsck", "--remote", "store", code=None).out
            if "--remote" in arguments
            else ""
        )
        self.not_pushed = [
            line.split("(")[0]
            for line in told.splitlines()
            if line.startswith("absent")
        ]
        self.calls = self.run("none", 0)
        self.expected = ws.files()

    def reset(self) -> None:
        for entry in self.ws.path.parent.iterdir():
            if entry.name not in ("template", "home"):
                shutil.rmtree(entry)
        shutil.copytree(
            self.template, self.ws.path.parent, symlinks=True, dirs_exist_ok=True
        )

    def run(self, mode: str, at: int) -> int:
        """Runs the command on a disk that breaks; returns how many changes of the disk
        there were without a break.
        """
        count = self.home / "count"
        command = [
            sys.executable,
            "-P",
            "-m",
            "tests.support.breaking",
            mode,
            str(at),
            str(count),
            *self.arguments,
        ]
        self.done = self.ws.run(command)
        assert "Traceback" not in self.done.said, self.done.said
        return int(count.read_text()) if count.exists() else 0

    def contents(self, ws: Workspace) -> set[str]:
        """Every byte string of the workspace, by digest."""
        found = set()
        for directory, names, files in os.walk(ws.path):
            names[:] = [name for name in names if name not in (".git", ".mltrack")]
            for name in files:
                path = Path(directory, name)
                if not path.is_symlink() and not name.endswith(
                    (".mlt", ".lock", ".gitignore")
                ):
                    found.add(XXH3.hex_of(path.read_bytes()))
        return found

    def check(self) -> None:
        """Nothing that was there is lost, and no object has a wrong name."""
        cache = Cache(str(self.ws.path / ".mltrack/cache"), XXH3)
        present = self.contents(self.ws)
        lost = [digest for digest in self.before - present if not cache.has(digest)]
        if self.arguments[0] not in NOT_IN_CACHE:
            assert not lost, f"bytes lost: {lost}"
        view = Session(find(str(self.ws.path))).view
        for target in view.targets().values():
            is_there = cache.holds(target.content)
            # in the journal; saved by the next repro, from here
            if self.arguments[0] == "repro" and not is_there:
                snapshot = Session(find(str(self.ws.path))).observer.tracked(
                    target.path
                )
                is_there = snapshot is not None and snapshot.content.same_bytes(
                    target.content
                )
            assert is_there or self.arguments[0] in NOT_IN_CACHE, (
                f"{target.source} names bytes that are not there"
            )
        if (self.ws.path / "mltrack.lock").exists():
            for entry in lock_file.parse(
                (self.ws.path / "mltrack.lock").read_bytes(), XXH3, "lock"
            ).values():
                assert all(map(cache.holds, entry.outs.values())), (
                    "the lock itself names bytes that are not in the cache"
                )
        for index in cache.indexes().values():
            for row in index:
                cache.read(row.raw.hex())
        if "--remote" in self.arguments:
            self.check_remote()
        for path in (self.ws.path / ".mltrack/cache/loose").glob("*/*"):
            assert XXH3.hex_of(path.read_bytes()) == path.parent.name + path.name

    def check_remote(self) -> None:
        """What a remote says it has, it has, unless it was damaged before and is not
        repaired yet.
        """
        result = self.ws.mltrack("fsck", "--remote", "store", code=None)
        absent = [
            line.split("(")[0]
            for line in result.out.splitlines()
            if line.startswith("absent")
        ]
        assert (
            result.code == 0 or "fsck" in self.arguments or absent == self.not_pushed
        ), result.said


@pytest.fixture
def sweeps(ws: Workspace, tmp_path: Path) -> Iterator[Callable[[str], Sweep]]:
    def make(name: str) -> Sweep:
        setup, arguments = COMMANDS[name]
        setup(ws)
        return Sweep(ws, tmp_path / "home", arguments)

    yield make


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("mode", ["kill", "torn"])
def test_a_command_that_was_killed_anywhere_completes_when_it_is_run_again(
    name: str, mode: str, sweeps: Callable[[str], Sweep]
) -> None:
    sweep = sweeps(name)
    assert sweep.calls > 3
    for at in range(1, sweep.calls + 1):
        sweep.reset()
        sweep.run(mode, at)
        assert sweep.done.code == 137, f"call {at} of {sweep.calls} was not reached"
        sweep.check()
        again = sweep.ws.mltrack(*sweep.arguments, code=None)
        assert again.code == 0, f"killed at call {at}: {again.said}"
        assert sweep.ws.files() == sweep.expected, f"killed at call {at}"
        sweep.check()
        view = Session(find(str(sweep.ws.path))).view
        cache = Cache(str(sweep.ws.path / ".mltrack/cache"), XXH3)
        lacking = [
            target.path
            for target in view.targets().values()
            if not cache.holds(target.content)
        ]
        assert not lacking or name in NOT_IN_CACHE, (
            f"killed at call {at}: {lacking} are nowhere but in the workspace"
        )


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("mode", ["ENOSPC+", "EIO"])
def test_a_failing_call_is_told_by_the_exit_code_and_loses_nothing(
    name: str, mode: str, sweeps: Callable[[str], Sweep]
) -> None:
    sweep = sweeps(name)
    for at in range(1, sweep.calls + 1):
        sweep.reset()
        sweep.run(mode, at)
        is_complete = sweep.ws.files() == sweep.expected
        assert sweep.done.code != 0 or is_complete, (
            f"call {at} failed, and the command said nothing: {sweep.done.said}"
        )
        assert sweep.done.code != 70, sweep.done.said
        sweep.check()
        if sweep.done.code == 0 and sweep.arguments[0] in ONCE:
            continue
        again = sweep.ws.mltrack(*sweep.arguments, code=None)
        assert again.code == 0, f"call {at} failed, then: {again.said}"
        assert sweep.ws.files() == sweep.expected, f"call {at} had failed"


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if "checkout" not in name and name != "drop"]
)
def test_what_lasts_is_synced_before_it_has_its_name_and_its_name_before_what_refers_to_it(
    name: str, sweeps: Callable[[str], Sweep]
) -> None:
    """The order that survives a power cut: bytes, fsync, rename, fsync of the
    directory; references afterwards.
    """
    sweep = sweeps(name)
    sweep.reset()
    sweep.run("trace", 0)
    calls = [
        line.split("\t")
        for line in Path(f"{sweep.home}/count.trace").read_text().splitlines()
    ]
    lasting = [
        at for at, call in enumerate(calls) if call[0] == "rename" and _lasts(call[2])
    ]
    assert lasting
    for at in lasting:
        _, source, target = calls[at]
        written = max(
            (n for n in range(at) if calls[n][0] == "write" and calls[n][1] == source),
            default=-1,
        )
        assert any(calls[n][:2] == ["fsync", source] for n in range(written + 1, at)), (
            f"{target} was not synced"
        )
        directory = os.path.dirname(target)
        named = [
            n for n in range(at + 1, len(calls)) if calls[n][:2] == ["fsync", directory]
        ]
        assert named, f"the name of {target} was not synced"
        if "/packs/" in target or "/loose/" in target:
            references = [
                n
                for n in lasting
                if calls[n][2].endswith((".mlt", ".lock", ".json", ".jsonl", ".idx"))
            ]
            assert all(n > named[0] for n in references if n > at), (
                f"something refers to {target} before it lasts"
            )


def _lasts(path: str) -> bool:
    if "/.mltrack/index/" in path or "/.mltrack/last/" in path:
        return False
    return (
        path.endswith((".pack", ".mlt", "mltrack.lock", ".json", ".jsonl"))
        or "/loose/" in path
        or "/store/" in path
    )
