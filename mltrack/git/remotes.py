"""git's own remotes: where they are, and what a server says of its branches."""

import os
from collections.abc import Sequence

from mltrack.git.command import run, run_plain

_USERS_OWN = ("core.sshCommand", "core.askPass", "core.gitProxy", "credential.helper")
"""Programs that git runs to reach a remote: the person may name them, a repository may
not.
"""


def remote_urls(cwd: str) -> list[tuple[str, str]]:
    """Returns the name and address of each of git's own remotes."""
    out = run(["config", "-z", "--get-regexp", r"^remote\..*\.url$"], cwd, ok=(0, 1))
    pairs = (os.fsdecode(item).partition("\n") for item in out.split(b"\0") if item)
    return [
        (key.removeprefix("remote.").removesuffix(".url"), url) for key, _, url in pairs
    ]


def list_remote(url: str, cwd: str) -> bytes:
    """Returns what ``git ls-remote`` says of branches and tags. It is asked by address,
    not by name, and with the person's own settings for what may be run on the way: a
    repository's config names neither programs nor what runs at the remote.
    """
    own = []
    for key in _USERS_OWN:
        values = run_plain(["config", "-z", "--get-all", key], "/", ok=(0, 1)).split(
            b"\0"
        )[:-1]
        own += [
            word
            # an empty one first: git drops what came before, from the repository too
            for value in ("", *map(os.fsdecode, values))
            for word in ("-c", f"{key}={value}")
        ]
    if not any(
        word.startswith("core.sshCommand=") and word != "core.sshCommand="
        for word in own
    ):
        # the empty one is no default to git: it would try to run it
        own += ["-c", "core.sshCommand=ssh"]
    # given: a section of the config may be named like the address, and set another
    options = ["--heads", "--tags", "--refs", "--upload-pack=git-upload-pack"]
    return run([*own, "ls-remote", *options, "--", url], cwd)


def refs_at(remote: str, place: str, cwd: str) -> dict[str, str]:
    """Returns the refs below a place that one of git's remotes has, each with what it
    names.
    """
    words = ["ls-remote", "--refs", "--", remote, place + "*"]
    found = {}
    for line in run(words, cwd).decode("utf-8", "surrogateescape").splitlines():
        commit, _, name = line.partition("\t")
        found[name] = commit
    return found


def push_refs(remote: str, names: Sequence[str], cwd: str) -> None:
    """Sends refs that the remote does not have, all or none; raises GitError if one was
    made there meanwhile.
    """
    # expected to be absent: what another clone sent in between is not overwritten
    leases = [f"--force-with-lease={name}:" for name in names]
    run(
        ["push", "--quiet", "--atomic", "--no-verify", *leases, "--", remote]
        + [f"{name}:{name}" for name in names],
        cwd,
    )


def fetch_refs(remote: str, names: Sequence[str], cwd: str) -> None:
    """Brings refs that are not here under their names."""
    words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", remote]
    run([*words, *(f"{name}:{name}" for name in names)], cwd)
