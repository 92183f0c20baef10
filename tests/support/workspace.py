"""A project in a temporary directory, used as a person would: by typing commands."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import documents
from tests.support.places import ROOT

__all__ = ["ROOT", "SECONDS", "Done", "Workspace"]
SECONDS = int(os.environ.get("MLTRACK_TEST_SECONDS", "120"))
"""A bound for one command that hangs; `make soak` allows more, for a million files."""


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Workspace:
    """A directory in which commands are typed. ``path`` is where they run."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment

    def mltrack(
        self,
        *arguments: str,
        code: int | None = 0,
        cwd: Path | None = None,
        **variables: str,
    ) -> Done:
        """Runs mltrack; fails unless it ends with ``code`` (None: any)."""
        command = [sys.executable, "-P", "-m", "mltrack", *arguments]
        done = self.run(command, cwd=cwd, **variables)
        if code is not None:
            assert done.code == code, (
                f"mltrack {' '.join(arguments)}: exit code {done.code}, not {code}\n{done.said}"
            )
        if "--json" in arguments:
            documents.check(arguments, done.out)
        assert (
            "Traceback (most recent call last)" not in done.said or "-vv" in arguments
        ), done.said
        return done

    def git(self, *arguments: str, code: int | None = 0, **variables: str) -> Done:
        done = self.run(["git", *arguments], **variables)
        if code is not None:
            assert done.code == code, (
                f"git {' '.join(arguments)}: exit code {done.code}, not {code}\n{done.said}"
            )
        return done

    def run(
        self, command: list[str], cwd: Path | None = None, **variables: str
    ) -> Done:
        done = subprocess.run(
            command,
            cwd=cwd or self.path,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def write(self, path: str, text: str | bytes) -> Path:
        full = self.path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text if isinstance(text, bytes) else text.encode())
        return full

    def read(self, path: str) -> str:
        return (self.path / path).read_text()

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.path / path)

    def commit(self, message: str = "state", tag: str = "") -> None:
        """Commits everything that git sees, and tags it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        if tag:
            self.git("tag", tag)

    def files(self, below: str = "") -> dict[str, str]:
        """Returns what stands below a directory by path: bytes, links, exec bits,
        directories.
        """
        found: dict[str, str] = {}
        top = self.path / below
        for directory, names, files in os.walk(top):
            names[:] = sorted(
                name for name in names if name not in (".git", ".mltrack")
            )
            for name in [*names, *files]:
                full = Path(directory, name)
                path = str(full.relative_to(self.path))
                if full.is_symlink():
                    found[path] = f"link {os.readlink(full)}"
                elif full.is_dir():
                    found[path] = "directory"
                else:
                    found[path] = (
                        f"{'exec' if os.access(full, os.X_OK) else 'file'} {full.read_bytes()!r}"
                    )
        return found

    def clone(self, to: Path) -> "Workspace":
        """Returns a git clone, fitted with hooks."""
        self.git("clone", "--quiet", str(self.path), str(to))
        other = Workspace(to, self.environment)
        other.mltrack("init")
        return other


def hermetic_environment(home: Path) -> dict[str, str]:
    """Returns an environment that knows nothing of this machine's user and git
    settings.
    """
    home.mkdir(parents=True, exist_ok=True)
    kept = {
        name: os.environ[name]
        # the last: a run of all tests with another set of abilities means theirs too
        for name in ("PATH", "LANG", "TMPDIR", "MLTRACK_ABILITIES")
        if name in os.environ
    }
    config = home / "gitconfig"
    config.write_text(
        "[init]\n\tdefaultBranch = main\n[user]\n\tname = Test\n\temail = test@example.org\n[advice]\n\tdetachedHead = false\n"
    )
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(ROOT),
        "PATH": os.pathsep.join(
            [str(Path(sys.executable).parent), kept.get("PATH", "")]
        ),
    }
