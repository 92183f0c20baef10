"""Typing commands: mltrack within this process (a process of its own costs ten times as
much), git as it is.

Everything typed is kept as a shell script, so that what failed can be typed again.
"""

import gc
import io
import os
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from mltrack.cli.main import run
from tests.model.model import Content, Entry
from tests.support.workspace import Done, hermetic_environment

BY_PROCESS = os.environ.get("MLTRACK_BY_PROCESS") == "1"


class Shell:
    """A directory in which everything happens, and the script of what happened."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.script: list[str] = []
        self.by_process = BY_PROCESS
        self.environment = hermetic_environment(top / "home")
        # No repository grows large enough here for git's own collection, which would
        # run behind our back.
        self.environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "gc.auto",
            "GIT_CONFIG_VALUE_0": "0",
        }
        self.environment |= {
            "GIT_EDITOR": "true",
            "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        }

    def mltrack(self, place: Path, *arguments: str, hooks: bool = True) -> Done:
        return self._run(place, ["mltrack", *arguments], hooks=hooks)

    def git(self, place: Path, *arguments: str, hooks: bool = True) -> Done:
        return self._run(place, ["git", *arguments], hooks=hooks)

    def ask(self, place: Path, *arguments: str) -> str:
        """A question to git that changes nothing and is not part of the script."""
        return self._process(place, ["git", *arguments], self.environment).out.strip()

    def _run(self, place: Path, command: list[str], *, hooks: bool) -> Done:
        quiet = "" if hooks else "MLTRACK_HOOKS=0 "
        self.script.append(
            f"(cd {os.path.relpath(place, self.top)} && {quiet}{shlex.join(command)})"
        )
        environment = self.environment | ({} if hooks else {"MLTRACK_HOOKS": "0"})
        if command[0] == "git":
            done = self._process(place, command, environment)
        elif self.by_process:
            done = self._process(
                place, [sys.executable, "-P", "-m", *command], environment
            )
        else:
            done = self._within(place, command[1:], environment)
        if done.code:
            self.script[-1] += f"  # {done.code}: {' '.join(done.said.split())[:300]}"
        return done

    def _process(
        self, place: Path, command: list[str], environment: dict[str, str]
    ) -> Done:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _within(
        self, place: Path, arguments: list[str], environment: dict[str, str]
    ) -> Done:
        out, err = (
            io.TextIOWrapper(
                io.BytesIO(),
                "utf-8",
                "surrogateescape",
                newline="\n",
                write_through=True,
            )
            for _ in range(2)
        )
        before, directory, handler = (
            dict(os.environ),
            os.getcwd(),
            signal.getsignal(signal.SIGTERM),
        )
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(place)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run(arguments)
        finally:
            os.chdir(directory)
            os.environ.clear()
            os.environ.update(before)
            signal.signal(signal.SIGTERM, handler)
        texts = [
            stream.buffer.getvalue().decode("utf-8", "surrogateescape")
            for stream in (out, err)
        ]
        if code == 5:
            # a lock of an object that nobody holds any more goes with its process, and
            # there is none here
            gc.collect()
        return Done(code, *texts)

    # the person's own hand

    def write(self, place: Path, entry: Entry) -> None:
        """Makes or replaces one file, as an editor does that writes aside and renames."""
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name("." + place.name[:200] + ".aside")
        if entry.kind == "l":
            aside.symlink_to(os.fsdecode(entry.data))
            made = f"ln -sf {shlex.quote(os.fsdecode(entry.data))} {self._named(place)}"
        else:
            aside.write_bytes(entry.data)
            aside.chmod(0o755 if entry.kind == "x" else 0o644)
            made = f"{_printed(entry.data)} > {self._named(place)}" + (
                f"; chmod +x {self._named(place)}" if entry.kind == "x" else ""
            )
        os.replace(aside, place)
        self.script.append(
            f"mkdir -p {self._named(place.parent)}; rm -f {self._named(place)}; {made}"
        )

    def delete(self, place: Path, top: Path) -> None:
        """Deletes one file, and the directories below ``top`` that it leaves empty."""
        place.unlink()
        self.script.append(f"rm {self._named(place)}")
        while place.parent not in (top, top.parent) and not os.listdir(place.parent):
            place = place.parent
            place.rmdir()
            self.script.append(f"rmdir {self._named(place)}")

    def edit(self, place: Path, data: bytes, *, keep_time: bool) -> None:
        """Writes other bytes into a file, as a program does that opens it for update."""
        state = place.stat()
        with place.open("r+b") as file:
            file.write(data)
        self.script.append(
            f"{_printed(data)} | dd conv=notrunc status=none of={self._named(place)}"
        )
        if keep_time:
            os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))
            self.script[-1] += (
                f"; touch -d @{state.st_mtime_ns / 1e9:.9f} {self._named(place)}"
            )

    def _named(self, place: Path) -> str:
        return shlex.quote(os.path.relpath(place, self.top))


def _printed(data: bytes) -> str:
    if len(data) > 200 and data == data[:1] * len(data):
        return f"head -c {len(data)} /dev/zero | tr '\\0' {chr(data[0])}"
    return f"printf %s {shlex.quote(data.decode('latin-1'))}" if data else "printf ''"


def look(place: Path, cache: Path) -> Content | None:
    """Returns what stands at a path. A link into the cache is the file that it stands
    for.
    """
    if not os.path.lexists(place):
        return None
    if place.is_symlink() or not place.is_dir():
        return {"": _entry(str(place), cache)}
    found: Content = {}
    top = len(str(place)) + 1
    for directory, names, files in os.walk(place):
        links = [
            name for name in names if os.path.islink(os.path.join(directory, name))
        ]
        for name in [*files, *links]:
            full = os.path.join(directory, name)
            found[full[top:]] = _entry(full, cache)
    return found


def _entry(place: str, cache: Path) -> Entry:
    if os.path.islink(place):
        text = os.readlink(place)
        behind = os.path.normpath(os.path.join(os.path.dirname(place), text))
        if not behind.startswith(str(cache) + os.sep):
            return Entry("l", os.fsencode(text))
    with open(place, "rb") as file:
        data = file.read()
    return Entry("x" if os.access(place, os.X_OK) else "f", data)
