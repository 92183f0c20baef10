"""Other people's repositories, each kept once: bare, of each revision only what was
asked for, and without the bytes of files until they are read.

What was brought is never brought again: a commit that is here is looked for nowhere.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from typing import NamedTuple

from mltrack.disk.durable import make_directories, temporary_path, write_atomic
from mltrack.disk.lock import locked
from mltrack.errors import GitError, UsageError
from mltrack.events import meter
from mltrack.formats.remote_url import shown
from mltrack.git import history
from mltrack.git.command import run, run_plain, run_telling

# of SHA-1 and of SHA-256
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# `host:path` as ssh writes it: no slash before the colon
_SSH_PLACE = re.compile(r"[^/:]+:(?!:)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_SCHEMES = ("https", "http", "ssh", "git", "file", "git+ssh")
NEWEST = "HEAD"
"""The newest commit of the default branch."""
# git-check-ref-format(1): what has one of these is computed from a name, such as `v1~2`
_NO_NAME = re.compile(r"[~^:?*\[\\ ]|@\{|\.\.")
_NOT_THERE = "couldn't find remote ref"
# names of files and addresses are bytes, which come back as they were
_AS_NAMES = ("utf-8", "surrogateescape")
_SETTINGS = """
[remote "origin"]
\turl = {url}
\t# git asks there for what it lacks
\tpromisor = true
\tpartialclonefilter = blob:none
[core]
\trepositoryformatversion = 1
[extensions]
\tpartialClone = origin
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


class Source(NamedTuple):
    """One of them: its address, and where git is asked about it. What is used in place
    has no address.
    """

    path: str
    url: str = ""

    def commit(self, revision: str) -> str:
        """Returns the commit that a revision names there now; the newest one of the
        default branch for none. It is here afterwards.

        Raises GitError for a revision that is not there, or a place that cannot be
        reached.
        """
        wanted = revision or NEWEST
        if not self.url:
            return history.resolve(wanted, self.path)
        if _COMMIT.match(wanted) and self._has(wanted):
            return wanted
        with locked(self.path + ".lock"):
            try:
                if _NO_NAME.search(wanted):
                    return self._fetch_all(wanted)
                try:
                    return self._fetch_one(wanted)
                except GitError as error:
                    if _NOT_THERE not in str(error) or wanted == NEWEST:
                        raise
                    # a part of a hash, for one, which no server looks up
                    return self._fetch_all(wanted)
            except GitError as error:
                raise self._explained(revision, error) from error

    def complete(self, commit: str, wanted: Iterable[str], inner: str) -> None:
        """Brings the bytes of a commit's files of these names, in one request; see
        :func:`mltrack.git.history.files_at`. Without it git asks for each by itself.
        """
        if not self.url:
            return
        names = sorted(wanted)
        digest = hashlib.blake2b(
            "\0".join((commit, inner, *names)).encode("utf-8", "surrogateescape"),
            digest_size=16,
        ).hexdigest()
        place = os.path.join(self.path, "mltrack-complete", digest)
        if os.path.exists(place):
            return
        self.bring_blobs(
            history.files_at(commit, self.path, names, inner=inner).values()
        )
        make_directories(os.path.dirname(place))
        # only remembered: lost, the bytes are asked for once more
        write_atomic(place, b"", durable=False)

    def bring_history(self) -> None:
        """Brings all branches and tags with their histories, unless they are here."""
        if self.url and os.path.exists(os.path.join(self.path, "shallow")):
            with locked(self.path + ".lock"):
                self._fetch_all(NEWEST)

    def bring_blobs(self, blobs: Iterable[str]) -> None:
        """Brings the bytes of files that are not here, in one request. Without it git
        asks for each by itself.
        """
        if not self.url:
            return
        place = os.path.join(self.path, "mltrack-blobs")
        with locked(self.path + ".lock"):
            # remembered by us: asked for one, git would bring it by itself
            here = set(_words_in(place))
            lacking = sorted({*blobs} - here)
            if lacking:
                self._fetch(lacking)
                text = "\n".join(sorted({*here, *lacking}))
                # lost, the bytes are asked for once more
                write_atomic(place, text.encode(), durable=False)

    def _has(self, commit: str) -> bool:
        # of the local store alone: a partial clone would ask its origin
        return bool(
            run(
                ["for-each-ref", "--format=%(refname)", f"refs/mltrack/{commit}"],
                self.path,
            )
        )

    def _fetch_one(self, wanted: str) -> str:
        """One commit with its trees: no history, and no bytes of files."""
        self._fetch([f"+{wanted}:refs/mltrack/fetched"], "--depth=1")
        commit = history.resolve("refs/mltrack/fetched", self.path)
        run(["update-ref", f"refs/mltrack/{commit}", commit], self.path)
        return commit

    def _fetch_all(self, wanted: str) -> str:
        """All branches and tags with their histories, for what only these can tell."""
        shallow = os.path.exists(os.path.join(self.path, "shallow"))
        self._fetch(
            [
                "+refs/heads/*:refs/heads/*",
                "+refs/tags/*:refs/tags/*",
                f"+{NEWEST}:refs/mltrack/fetched",
            ],
            "--prune",
            *(["--unshallow"] if shallow else []),
        )
        newest = history.resolve("refs/mltrack/fetched", self.path)
        # what `HEAD~2` starts from is theirs
        run(["update-ref", "--no-deref", NEWEST, newest], self.path)
        commit = history.resolve(wanted, self.path)
        run(["update-ref", f"refs/mltrack/{commit}", commit], self.path)
        return commit

    def _fetch(self, what: list[str], *options: str) -> None:
        asked = [
            *([] if self.url.startswith("file://") else _quiet_ssh(self.path)),
            # what is asked for by name needs no talk about what is here
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--progress" if meter.is_watched else "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
            "--recurse-submodules=no",
            "--filter=blob:none",
            *options,
            "--stdin",
            "origin",
        ]
        data = "".join(f"{item}\n" for item in what).encode(*_AS_NAMES)
        if not meter.is_watched:
            run(asked, self.path, data=data)
            return
        try:
            run_telling(asked, self.path, _told, data=data)
        finally:
            _told("")

    def _explained(self, revision: str, error: GitError) -> GitError:
        address = shown(self.url)
        if _NOT_THERE in str(error) or error.message.startswith("there is no"):
            named = f"no revision {revision!r}" if revision else "no commit yet"
            return GitError(
                f"there is {named} in {address}", hint=f"git ls-remote {address}"
            )
        return GitError(
            f"{address} cannot be read: {_last_words(error)}",
            hint=f"`git ls-remote {address}` shows whether git can reach it",
        )


def _told(line: str) -> None:
    meter.told = line


def keep(url: str, directory: str) -> Source:
    """Returns the repository of an address, as it is kept below ``directory``; nothing
    is asked of it yet.

    Raises UsageError for an address that would make git start a program.
    """
    check_url(url)
    path = os.path.join(directory, name_of(url) + ".git")
    if not os.path.isdir(path):
        make_directories(directory)
        with locked(path + ".lock"):
            if not os.path.isdir(path):
                _make(url, path)
    return Source(path, url)


def name_of(place: str) -> str:
    """Returns the name under which something is kept of a place."""
    return hashlib.blake2b(os.fsencode(place), digest_size=10).hexdigest()


def is_url(place: str) -> bool:
    """Returns whether a place is an address for git, rather than a path here."""
    return bool(
        _SCHEME.match(place)
        or "::" in place
        or (_SSH_PLACE.match(place) and not os.path.exists(place))
    )


def check_url(url: str) -> None:
    """Raises UsageError for what git would take for an option, or for the name of a
    program.
    """
    scheme = url.partition("://")[0] if _SCHEME.match(url) else ""
    # `ext::sh -c …`: the helper in front of the colons is started
    if url.startswith("-") or "::" in url or (scheme and scheme not in _SCHEMES):
        raise UsageError(
            f"{shown(url)!r} is not a repository's address",
            hint=f"one of {', '.join(one + '://' for one in _SCHEMES[:3])} or "
            "host:path",
        )


def _quiet_ssh(cwd: str) -> list[str]:
    """Options by which ssh asks no question, unless the person has said how ssh is to
    be called: nobody would see it, and it would wait for ever.
    """
    if "GIT_SSH_COMMAND" in os.environ or "GIT_SSH" in os.environ:
        return []
    if run_plain(["config", "core.sshCommand"], cwd, ok=(0, 1)).strip():
        return []
    return ["-c", "core.sshCommand=ssh -o BatchMode=yes"]


def _make(url: str, path: str) -> None:
    aside = temporary_path(os.path.dirname(path))
    try:
        # no template: samples of hooks are no use here
        run(["init", "--quiet", "--bare", "--template=", aside], os.path.dirname(path))
        # in one go: `git config` would be a process for each
        with open(os.path.join(aside, "config"), "ab") as file:
            file.write(_SETTINGS.format(url=_quoted(url)).encode(*_AS_NAMES))
        os.rename(aside, path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _quoted(text: str) -> str:
    """A text as git's configuration has it, by git-config(1)."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def _words_in(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def _last_words(error: GitError) -> str:
    """What git says at its end, without what it tells of its own way there."""
    text = error.message.removeprefix("git fetch failed: ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "ERROR:", "remote:"))]
    return (told or lines or ["git gave no reason"])[0]
