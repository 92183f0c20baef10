"""Where a remote leads, and whether the user has said so: credentials go only where
they were sent.

A clone, or an unpacked archive, brings along a config that names hosts. What sends
credentials to a host of its own choosing is asked about once: the user confirms the
place (``remote trust``, or by typing it), and it is remembered in the user's own
config, which no project can write.
"""

import os
from collections.abc import Mapping
from typing import Any

from mltrack.config import edit
from mltrack.config.settings import Settings, user_config_path
from mltrack.formats.remote_url import URL, shown
from mltrack.store.kinds import known

KEY = "trust.places"
CHOOSING = ("url", "endpoint", "account", "ssh_config")
"""The options of a remote that say where it leads."""


def place_of(given: Mapping[str, Any]) -> str:
    """Returns in words where a remote with these options leads; '' for a directory of
    this machine.
    """
    # without secrets: it is printed, and kept in the user's config
    match = URL.match(shown(str(given.get("url", ""))))
    if match is None:
        return ""
    scheme, host = match[1], match[2]
    parts = [f"{scheme}://{host}"]
    # it is the endpoint that gets the credentials, whatever the bucket's name
    if given.get("endpoint"):
        parts = [f"{scheme} at {given['endpoint']}"]
    if given.get("account"):
        parts.append(f"account {given['account']}")
    if given.get("ssh_config"):
        parts.append(f"by {given['ssh_config']}")
    return ", ".join(parts)


def runner_place(given: Mapping[str, Any]) -> str:
    """Returns in words where a runner with these options leads; '' for this machine."""
    if not given.get("hosts"):
        return ""
    by = f", by {given['ssh_config']}" if given.get("ssh_config") else ""
    return f"ssh to {' '.join(given['hosts'])}{by}"


def is_trusted_runner(settings: Settings, name: str) -> bool:
    """Returns whether the user has named, or used, the hosts of a runner: looking at
    them starts ssh.
    """
    place = runner_place(settings.runner(name))
    return not place or place in settings.get(KEY)


def is_trusted(settings: Settings, name: str) -> bool:
    """Returns whether the user has said where a remote leads."""
    given = settings.remote(name)
    place = place_of(given)
    levels = {
        settings.origin(f"remote.{name}.{key}").level
        for key in CHOOSING
        if given.get(key)
    }
    # what the user's own config says no project has written
    return not place or levels <= {"user", "environment"} or place in settings.get(KEY)


def must_be_trusted(settings: Settings, name: str) -> bool:
    """Returns whether opening a remote sends credentials to a host, or starts a
    program, that its options choose.
    """
    given = settings.remote(name)
    scheme = str(given.get("url", "")).partition("://")[0]
    if place_of(given) == "":
        return False
    kind = known.find(scheme)
    # what nobody knows may do anything with credentials
    if kind is None:
        return True
    # anybody may set `anonymous`: it counts only where it keeps what it promises
    if kind.can_be_anonymous and given.get("anonymous"):
        return False
    return kind.must_be_trusted(given)


def trust(settings: Settings, place: str) -> None:
    """Remembers, in the user's own config, that the user means this place."""
    places = list(settings.get(KEY))
    if place and place not in places:
        edit.set_value(user_config_path(os.environ), KEY, [*places, place])


def trust_typed(settings: Settings, name: str, key: str) -> None:
    """What the person has typed, the person means: trusts where a remote leads after
    one of its options was set.
    """
    if key in CHOOSING:
        trust(settings, place_of(settings.remote(name)))


def trust_typed_runner(settings: Settings, name: str, key: str) -> None:
    """The same for a runner."""
    if key in ("hosts", "ssh_config"):
        trust(settings, runner_place(settings.runner(name)))
