"""mltrack and what people could use instead: the commands by which each does a job."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Commands = list[list[str]]
HERE = Path(sys.executable).parent


class Contestant:
    """One tool in one directory of its own. A job that it does not have is None.

    The work tree is ``project``; ``store`` is where it pushes to. Commands run in
    ``project``.
    """

    name = ""
    program = ""
    metadata = "data.mlt"
    """What git keeps of the data: copied aside to remember a version."""

    def __init__(self, top: Path, remote: dict[str, str] | None = None) -> None:
        self.top = top
        self.project = top / "project"
        self.store = top / "store"
        self.remote = remote or {}
        self.environment = {
            **os.environ,
            "HOME": str(top / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@localhost",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@localhost",
            "MLTRACK_HOOKS": "0",
            "DVC_SITE_CACHE_DIR": str(top / "dvc-site"),
            "DVC_NO_ANALYTICS": "1",
            "DVC_GLOBAL_CONFIG_DIR": str(top / "dvc-global"),
            "RESTIC_PASSWORD": "b",
            "RESTIC_CACHE_DIR": str(top / "rc"),
            "AWS_ACCESS_KEY_ID": self.remote.get("access_key", ""),
            "AWS_SECRET_ACCESS_KEY": self.remote.get("secret_key", ""),
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @classmethod
    def find(cls) -> str | None:
        """Returns the program, or None where it is not installed."""
        given = os.environ.get(f"BENCH_{cls.name.upper().replace('-', '_')}")
        return given or shutil.which(cls.program, path=f"{HERE}:{os.environ['PATH']}")

    def do(self, *commands: list[str]) -> None:
        for command in commands:
            done = subprocess.run(
                command,
                cwd=self.project,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def begin(self) -> None:
        for path in (self.project, self.top / "home"):
            path.mkdir(parents=True)
        self.do(["git", "init", "--quiet"])

    add: Callable[[], list[str]] | None = None
    status: Callable[[], list[str]] | None = None
    checkout: Callable[[], list[str]] | None = None
    push: Callable[[], list[str]] | None = None
    pull: Callable[[], list[str]] | None = None
    pull_one: Callable[[str], list[str]] | None = None

    def forget_cache(self) -> None:
        """Removes what the tool keeps here, so that the next command starts from
        nothing.
        """

    def forget_store(self) -> None:
        shutil.rmtree(self.store, ignore_errors=True)

    def after_add(self) -> None:
        """What is needed before anything else works, and is not part of adding."""


class Mltrack(Contestant):
    name, program = "mltrack", "mltrack"

    def begin(self) -> None:
        super().begin()
        self.do([self.exe, "-q", "init", "--no-hooks"])
        self.do(
            [
                self.exe,
                "-q",
                "remote",
                "add",
                "store",
                self.remote.get("url", str(self.store)),
            ]
        )
        for key in ("endpoint", "access_key", "secret_key"):
            if key in self.remote:
                self.do(
                    [
                        self.exe,
                        "-q",
                        "remote",
                        "modify",
                        "--local",
                        "store",
                        key,
                        self.remote[key],
                    ]
                )

    @property
    def exe(self) -> str:
        return str(self.find())

    def add(self) -> list[str]:
        return [self.exe, "add", "data"]

    def status(self) -> list[str]:
        return [self.exe, "status"]

    def checkout(self) -> list[str]:
        return [self.exe, "checkout", "data"]

    def push(self) -> list[str]:
        return [self.exe, "push"]

    def pull(self) -> list[str]:
        return [self.exe, "pull", "data"]

    def pull_one(self, path: str) -> list[str]:
        return [self.exe, "pull", path]

    def link(self, way: str) -> None:
        self.do([self.exe, "config", "--local", "cache.link", f"{way},copy"])

    def forget_cache(self) -> None:
        for name in ("cache", "index", "last"):
            shutil.rmtree(self.project / ".mltrack" / name, ignore_errors=True)

    def forget_store(self) -> None:
        super().forget_store()
        shutil.rmtree(self.project / ".mltrack/remotes", ignore_errors=True)
        shutil.rmtree(self.project / ".mltrack/index/remotes", ignore_errors=True)


class Dvc(Contestant):
    name, program, metadata = "dvc", "dvc", "data.dvc"

    def begin(self) -> None:
        super().begin()
        self.do([self.exe, "init", "-q"])
        if self.remote:
            place = self.remote["url"].replace("bucket/", "bucket/dvc-")
            self.do([self.exe, "remote", "add", "-d", "store", place])
            self.do(
                [
                    self.exe,
                    "remote",
                    "modify",
                    "store",
                    "endpointurl",
                    self.remote["endpoint"],
                ]
            )
        else:
            self.do([self.exe, "remote", "add", "-d", "store", str(self.store)])
        self.do([self.exe, "config", "core.autostage", "false"])

    @property
    def exe(self) -> str:
        return str(self.find())

    def add(self) -> list[str]:
        return [self.exe, "add", "-q", "data"]

    def status(self) -> list[str]:
        return [self.exe, "status", "-q"]

    def checkout(self) -> list[str]:
        return [self.exe, "checkout", "-q", "data.dvc"]

    def push(self) -> list[str]:
        return [self.exe, "push", "-q"]

    def pull(self) -> list[str]:
        return [self.exe, "pull", "-q"]

    def pull_one(self, path: str) -> list[str]:
        return [self.exe, "pull", "-q", path]

    def link(self, way: str) -> None:
        self.do([self.exe, "config", "cache.type", way])

    def forget_cache(self) -> None:
        for path in (
            self.project / ".dvc/cache",
            self.project / ".dvc/tmp",
            self.top / "dvc-site",
        ):
            shutil.rmtree(path, ignore_errors=True)


class GitLfs(Contestant):
    name, program, metadata = "git-lfs", "git-lfs", ".gitattributes"

    def begin(self) -> None:
        super().begin()
        self.do(
            ["git", "lfs", "install", "--local"], ["git", "lfs", "track", "data/**"]
        )

    def add(self) -> list[str]:
        return ["git", "add", "data"]

    def status(self) -> list[str]:
        return ["git", "status", "--porcelain"]

    def checkout(self) -> list[str]:
        return ["git", "checkout", "--quiet", "--", "data"]

    def forget_cache(self) -> None:
        shutil.rmtree(self.project / ".git/lfs", ignore_errors=True)
        (self.project / ".git/index").unlink(missing_ok=True)


class GitAnnex(Contestant):
    name, program, metadata = "git-annex", "git-annex", ".git/HEAD"

    def begin(self) -> None:
        super().begin()
        self.do(["git", "annex", "init", "--quiet", "b"])

    def add(self) -> list[str]:
        return ["git", "annex", "add", "--quiet", "data"]

    def status(self) -> list[str]:
        return ["git", "status", "--porcelain"]


class Restic(Contestant):
    name, program, metadata = "restic", "restic", ".git/HEAD"

    def begin(self) -> None:
        super().begin()
        self.do(["restic", "-q", "-r", str(self.store), "init"])

    def add(self) -> list[str]:
        return ["restic", "-q", "-r", str(self.store), "backup", "data"]

    def checkout(self) -> list[str]:
        return [
            "restic",
            "-q",
            "-r",
            str(self.store),
            "restore",
            "latest",
            "--target",
            ".",
        ]


ALL: list[type[Contestant]] = [Mltrack, Dvc, GitLfs, GitAnnex, Restic]
