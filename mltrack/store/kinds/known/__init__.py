"""The kinds of remotes there are, but for a directory: each is a module here, found by
the address's scheme.
"""

import importlib
import pkgutil
from functools import cache

from mltrack.store.kinds.kind import FSSPEC, Kind, Option

_NOT_STORES = {
    "local",
    "asynclocal",
    "dir",
    "cached",
    "blockcache",
    "filecache",
    "simplecache",
    "reference",
    "zip",
    "tar",
    "libarchive",
    "git",
    "github",
    "generic",
    "data",
    "dask",
    "jupyter",
    "jlab",
    "asyncwrapper",
    "pyscript",
}
"""What fsspec has that would lead back to this machine, or holds no bytes of its own.
"""
_registered: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Adds a kind that is no module here."""
    _registered.update(dict.fromkeys(kind.schemes, kind))


def withdraw(kind: Kind) -> None:
    """Takes back what ``register`` did."""
    for scheme in kind.schemes:
        del _registered[scheme]


def schemes() -> list[str]:
    """Returns the schemes of all kinds that the project's own tests try."""
    return sorted({scheme for kind in kinds() for scheme in kind.schemes})


def kinds() -> list[Kind]:
    """Returns every kind, each once."""
    return [
        *(_load(name) for name in sorted(_modules())),
        *dict.fromkeys(_registered.values()),
    ]


def find(scheme: str) -> Kind | None:
    """Returns the kind of the addresses that begin with ``scheme``, one that fsspec
    alone knows included; else None.
    """
    if scheme in _registered:
        return _registered[scheme]
    if scheme in _modules():  # the usual case: no other kind is looked at
        return _load(scheme)
    own = next((kind for kind in kinds() if scheme in kind.schemes), None)
    return own or (Kind((scheme,), FSSPEC) if _fsspec_knows(scheme) else None)


def options() -> dict[str, Option]:
    """Returns by name what one kind alone lets be set for a remote."""
    return {option.name: option for kind in kinds() for option in kind.options}


@cache
def _modules() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def _load(name: str) -> Kind:
    kind = importlib.import_module(f"{__name__}.{name}").KIND
    assert isinstance(kind, Kind)
    return kind


def _fsspec_knows(scheme: str) -> bool:
    # before fsspec is loaded, which takes a tenth of a second
    if scheme in _NOT_STORES:
        return False
    try:
        registry = importlib.import_module("fsspec.registry")
    except ImportError:
        return False
    return scheme in registry.known_implementations
