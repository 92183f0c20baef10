"""URL to store: one visible table. A kind is imported when it is first asked for."""

import importlib
import os
import re
from typing import NamedTuple

from mltrack.errors import ConfigError
from mltrack.store.store import Store


class Kind(NamedTuple):
    """Where a kind of store lives, as ``module:class``; ``extra`` is what to install for it."""

    place: str
    extra: str = ""


KINDS = {"file": Kind("mltrack.store.directory_remote:DirectoryRemote")}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


def open_store(url: str, base: str) -> Store:
    """Returns the store at ``url``; a relative directory starts at ``base``. Raises ConfigError for an unknown kind."""
    scheme, path = split(url)
    if scheme not in KINDS:
        raise ConfigError(
            f"this version of mltrack has no remotes of the kind {scheme}://",
            hint=f"kinds it has: {', '.join(sorted(KINDS))}",
        )
    module, _, name = KINDS[scheme].place.partition(":")
    store: Store = getattr(importlib.import_module(module), name)(
        os.path.normpath(os.path.join(base, os.path.expanduser(path)))
    )
    return store


def split(url: str) -> tuple[str, str]:
    """Returns scheme and rest of a URL; a plain path has the scheme 'file'."""
    match = _SCHEME.match(url)
    if match is None:
        if "::" in url:
            raise ConfigError(f"not a remote's address: {url!r}")
        return "file", url
    return match[1], url[match.end() :]
