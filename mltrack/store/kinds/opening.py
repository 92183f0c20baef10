"""URL to store. What a kind is made of is imported when it is first asked for."""

import importlib
import os
import re
from collections.abc import Mapping
from typing import Any

from mltrack.errors import ConfigError, how_to_add
from mltrack.formats.remote_url import has_secrets, shown
from mltrack.store.kinds import known
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.kinds.kind import Kind
from mltrack.store.kinds.retrying import Retrying
from mltrack.store.kinds.store import Store

DIRECTORY = "file"
"""The scheme of a directory, and of what is no URL."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(url: str, base: str, given: Mapping[str, Any] | None = None) -> Store:
    """Returns the store at ``url``; a relative directory starts at ``base``. ``given``
    are the remote's settings.

    What may pass by itself is tried again, except on a directory. Raises ConfigError
    for an unknown kind, and where a library is missing.
    """
    scheme, path = split(url)
    if scheme == DIRECTORY:
        # what a disk refuses it refuses again: no `Retrying` around it
        return DirectoryRemote(
            os.path.normpath(os.path.join(base, os.path.expanduser(path)))
        )
    settings = given or {}
    kind = _kind(check_kind(url))
    module, _, name = kind.opens.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            f"remotes of the kind {scheme}:// need a library: {error}",
            hint=how_to_add(kind.library or "fsspec"),
        ) from None
    store = made(url, kind.handed_over(settings), kind)
    return Retrying(store, int(settings.get("tries") or 5))


def _kind(scheme: str) -> Kind:
    kind = known.find(scheme)
    if kind is None:
        raise ConfigError(
            f"there are no remotes of the kind {scheme}://",
            hint=f"kinds there are: {', '.join(kinds())}",
        )
    return kind


def kinds() -> list[str]:
    """Returns the schemes of the remotes that the project's own tests try."""
    return sorted([DIRECTORY, *known.schemes()])


def check_kind(url: str) -> str:
    """Returns the scheme of a remote's address; raises ConfigError for one that cannot
    be a remote.
    """
    scheme, path = split(url)
    if has_secrets(url):
        raise ConfigError(
            f"a remote's address holds no password, token or query: {shown(url)}",
            hint=(
                "leave it out, and keep it where git does not: mltrack remote modify "
                "NAME password …"
            )
            + (" (and user)" if scheme in ("http", "https") else ""),
        )
    # on some command line it would become an option
    if url.startswith("-") or (
        not path.strip("/ ") and not (scheme == DIRECTORY and path)
    ):
        raise ConfigError(f"not a remote's address: {url!r}")
    if scheme != DIRECTORY:
        _kind(scheme)
    return scheme


def split(url: str) -> tuple[str, str]:
    """Returns scheme and rest of a URL; a plain path has the scheme 'file'."""
    match = _SCHEME.match(url)
    if match is None:
        # such as `ext::sh -c …`, by which git starts programs
        if "::" in url:
            raise ConfigError(f"not a remote's address: {url!r}")
        return DIRECTORY, url
    if match[1] != match[1].lower():
        raise ConfigError(
            f"not a remote's address: {shown(url)!r}",
            hint=f"write {match[1].lower()}://",
        )
    return match[1], url[match.end() :]
