"""URL to store: one visible table. A kind is imported when it is first asked for."""

import importlib
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mltrack.errors import ConfigError
from mltrack.formats.remote_url import has_secrets, shown
from mltrack.store.kinds.store import Store


class Kind(NamedTuple):
    """Where a kind of store lives, as ``module:class``; ``extra`` is what to install for it."""

    place: str
    extra: str = ""


_FSSPEC = "mltrack.store.kinds.fsspec_store:FsspecRemote"
_SFTP = "mltrack.store.kinds.sftp:SftpRemote"
KINDS = {
    "file": Kind("mltrack.store.kinds.directory:DirectoryRemote"),
    "s3": Kind(_FSSPEC, "s3"),
    "gs": Kind(_FSSPEC, "gs"),
    "gcs": Kind(_FSSPEC, "gs"),
    "az": Kind(_FSSPEC, "azure"),
    "abfs": Kind(_FSSPEC, "azure"),
    "sftp": Kind(_SFTP, "sftp"),
    "ssh": Kind(_SFTP, "sftp"),
    "http": Kind(_FSSPEC, "http"),
    "https": Kind(_FSSPEC, "http"),
    "memory": Kind(_FSSPEC),
}
_NOT_STORES = {
    "local", "asynclocal", "dir", "cached", "blockcache", "filecache", "simplecache", "reference", "zip", "tar",
    "libarchive", "git", "github", "generic", "data", "dask", "jupyter", "jlab", "asyncwrapper", "pyscript",
}  # fmt: skip
"""What fsspec has that would lead back to this machine, or holds no bytes of its own."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


def open_store(url: str, base: str, given: Mapping[str, Any] | None = None) -> Store:
    """Returns the store at ``url``; a relative directory starts at ``base``. ``given`` are the remote's settings.

    What may pass by itself is tried again, except on a directory. Raises ConfigError for an unknown kind, and where a
    library is missing.
    """
    scheme, path = split(url)
    settings = given or {}
    if scheme == "file":
        module, _, name = KINDS["file"].place.partition(":")
        directory: Store = getattr(importlib.import_module(module), name)(
            os.path.normpath(os.path.join(base, os.path.expanduser(path)))
        )
        return directory
    kind = KINDS.get(scheme, Kind(_FSSPEC))
    check_kind(url)
    module, _, name = kind.place.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            f"remotes of the kind {scheme}:// need a library: {error}",
            hint=f"pip install 'mltrack[{kind.extra or 'all'}]'",
        ) from None
    from mltrack.store.kinds.retrying import Retrying  # noqa: PLC0415 - not for a directory

    store: Store = made(url, settings, kind.extra) if kind.place == _FSSPEC else made(url, settings)
    return Retrying(store, int(settings.get("tries") or 5))


def _fsspec_knows(scheme: str) -> bool:
    if scheme in _NOT_STORES:
        return False
    try:
        registry = importlib.import_module("fsspec.registry")
    except ImportError:
        return False
    return scheme in registry.known_implementations


def check_kind(url: str) -> str:
    """Returns the scheme of a remote's address; raises ConfigError for one that cannot be a remote."""
    scheme, path = split(url)
    if has_secrets(url):
        raise ConfigError(
            f"a remote's address holds no password, token or query: {shown(url)}",
            hint="leave it out, and keep it where git does not: mltrack remote modify NAME password …"
            + (" (and user)" if scheme in ("http", "https") else ""),
        )
    if url.startswith("-") or (not path.strip("/ ") and not (scheme == "file" and path)):
        raise ConfigError(f"not a remote's address: {url!r}")
    if scheme not in KINDS and not _fsspec_knows(scheme):
        raise ConfigError(
            f"there are no remotes of the kind {scheme}://", hint=f"kinds there are: {', '.join(sorted(KINDS))}"
        )
    return scheme


def split(url: str) -> tuple[str, str]:
    """Returns scheme and rest of a URL; a plain path has the scheme 'file'."""
    match = _SCHEME.match(url)
    if match is None:
        if "::" in url:
            raise ConfigError(f"not a remote's address: {url!r}")
        return "file", url
    return match[1], url[match.end() :]
