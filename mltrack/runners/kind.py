"""What a kind of runner is: one module in ``runners/kinds`` that brings its settings
and how it is opened.

A module there defines ``KIND``. Whatever speaks to other machines is imported where a
runner is opened: the settings of all kinds are read on the way to a setting's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mltrack.formats import quantities
from mltrack.runners.capacity import MEMORY
from mltrack.runners.runner import Runner
from mltrack.store.local.cache import Cache

Given = Mapping[str, Any]
"""What is set for a runner, by option or resource."""


class Option(NamedTuple):
    """One setting of a kind. ``private`` ones name places or programs: the committed
    config may not set them.
    """

    name: str
    type: type
    about: str
    private: bool = False


class Surroundings(NamedTuple):
    """What every runner of a project is given."""

    root: str
    jobs_path: str
    cache: Cache


Opens = Callable[[str, Given, Surroundings], Runner]


def never(given: Given, key: str) -> bool:
    """No job of a kind whose jobs end with the command, or are all handed over, is
    found beside its runner.
    """
    return False


@dataclass(frozen=True, slots=True)
class Kind:
    """``open`` returns a runner by its name, from what is set for it; nothing is
    connected to yet. It raises ConfigError where that makes no runner.

    ``open_surviving`` returns the runner of jobs that outlive the command: the same
    one, for most kinds. ``has_surviving`` says whether this machine itself has such a
    job of a run key, or with '' any at all, whose result nobody has taken.
    """

    name: str
    options: tuple[Option, ...]
    open: Opens
    open_surviving: Opens
    has_surviving: Callable[[Given, str], bool] = never

    def amounts(self, given: Given) -> dict[str, float]:
        """Returns how much of each resource is set: all that is no option."""
        own = {"type", *(option.name for option in self.options)}
        return {
            name: float(quantities.size(value)) if name == MEMORY else float(value)
            for name, value in given.items()
            if name not in own and value not in ("", None)
        }
