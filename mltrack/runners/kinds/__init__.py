"""The kinds of runners there are: each is a module here, found by its name."""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from mltrack.errors import ConfigError
from mltrack.runners.capacity import CPUS, GPU_MEMORY, GPUS, MEMORY
from mltrack.runners.kind import Kind, Option
from mltrack.runners.names import LOCAL

TYPE = Option("type", str, "What kind of runner it is.")
RESOURCES = (
    Option(
        MEMORY,
        str,
        "How much memory a runner's stages may claim together, such as 48GB.",
    ),
    Option(
        "RESOURCE",
        int,
        "How much of a resource a runner has: cpus, gpus, or one of your own naming.",
    ),
)
_KNOWN_RESOURCES = (CPUS, GPUS, MEMORY, GPU_MEMORY)
# of 1; much lower, and a resource of the person's own naming would count as a slip
_CLOSE = 0.8
"""So alike, of 1, are a name and the one that was meant."""
_registered: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Adds a kind that is no module here."""
    _registered[kind.name] = kind


def names() -> list[str]:
    """Returns the names of all kinds."""
    return sorted({*_modules(), *_registered})


@cache
def _modules() -> frozenset[str]:
    # listed once: a setting's name is looked for in all kinds
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str, given: Mapping[str, Any]) -> Kind:
    """Returns the kind of the runner of this name; raises ConfigError if there is no
    such runner, no such kind, or an option that this kind does not have.
    """
    chosen = str(given.get("type") or (LOCAL if name == LOCAL else ""))
    if not chosen:
        raise ConfigError(
            f"runner.{name}.type is not set: what kind of runner is it?"
            if given
            else f"there is no runner {name!r}",
            hint=f"mltrack runner add {name} HOST, or `mltrack runner list`",
        )
    kind = _load(chosen)
    if kind is None:
        raise ConfigError(
            f"runner.{name}.type: there is no kind of runner {chosen!r}",
            hint=f"kinds: {', '.join(names())}",
        )
    own = [option.name for option in kind.options]
    # what another kind has is a slip here; what no kind has is a resource
    others = {option.name for option in options()} - {
        *own,
        TYPE.name,
        *(option.name for option in RESOURCES),
    }
    for key in sorted(others & given.keys()):
        raise ConfigError(
            f"runner.{name}.{key}: a runner of the kind {chosen!r} has no such option",
            hint=f"its options: {', '.join(own) or 'none'}",
        )
    return kind


def _load(name: str) -> Kind | None:
    if name in _registered:
        return _registered[name]
    if name not in _modules():
        return None
    kind = importlib.import_module(f"{__name__}.{name}").KIND
    assert isinstance(kind, Kind)
    return kind


def options() -> list[Option]:
    """Returns what may be set for a runner of any kind, each once."""
    found = {TYPE.name: TYPE}
    for name in names():
        kind = _load(name)
        for option in kind.options if kind is not None else ():
            found.setdefault(option.name, option)
    return [*found.values(), *RESOURCES]


def option(name: str) -> Option:
    """Returns what may be set under a name: an option of some kind, or a resource.
    Raises ConfigError for a name that is neither, being nearly one of those that there
    are.
    """
    known = {option.name: option for option in options()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(
        name, [*known, *_KNOWN_RESOURCES], n=1, cutoff=_CLOSE
    )
    # a known resource is the nearest to itself: no slip
    if near and name not in _KNOWN_RESOURCES:
        raise ConfigError(
            f"runners have no option {name!r}", hint=f"did you mean {near[0]!r}?"
        )
    return RESOURCES[-1]
