"""What a kind of remote is: one module in ``store/kinds/known`` that says which
addresses are its own and how one is opened.

A module there defines ``KIND``, and imports nothing that has to be installed: the
settings of all kinds are read on the way to a setting's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mltrack.errors import how_to_add
from mltrack.formats.remote_url import SECRET_WORDS
from mltrack.store.kinds.manner import Manner

FSSPEC = "mltrack.store.kinds.fsspec_store:FsspecRemote"
"""The class of every kind that fsspec speaks; a kind's ``manner`` says what is
particular to it.
"""


class Option(NamedTuple):
    """One setting that this kind alone has. ``private`` ones name places or hold
    secrets: the committed config may not set them.

    A ``secret`` one is never shown; its name holds one of `SECRET_WORDS`, so that a
    config with it is not remembered elsewhere.
    """

    name: str
    type: type
    about: str
    private: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()


def always(given: Mapping[str, Any]) -> bool:
    """A kind of which nothing is known is asked about in any case."""
    return True


def has_endpoint(given: Mapping[str, Any]) -> bool:
    """Where an address names no host, an endpoint does."""
    return bool(given.get("endpoint"))


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """The kind of the remotes whose address begins with one of ``schemes``.

    ``opens`` names the class, as ``module:class``; it is imported with the first remote
    of the kind, and called with the address, the remote's settings and this kind.
    ``library`` is the package that it needs.

    ``must_be_trusted`` says whether a remote with these settings sends credentials to a
    host, or starts a program, that they choose: a clone brings them along, so the
    person is asked about the place first. ``can_be_anonymous`` says that ``anonymous``
    keeps every credential from being sent, those of the environment included.
    """

    schemes: tuple[str, ...]
    opens: str
    library: str = ""
    options: tuple[Option, ...] = ()
    # a kind that says nothing is asked about: the mistake that leaks nothing
    must_be_trusted: Callable[[Mapping[str, Any]], bool] = always
    can_be_anonymous: bool = False
    manner: Manner = Manner()  # noqa: RUF009 - never changed

    def how_to_add_it(self) -> str:
        """Returns the command that installs the library which this kind needs."""
        # of a kind that only fsspec knows, fsspec's own error names the library
        return how_to_add(self.library or "LIBRARY")

    def handed_over(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings that a remote is opened with: of one that is to be
        anonymous, none that is a secret.
        """
        if not given.get("anonymous"):
            return given
        secret = {option.name for option in self.options if option.secret}
        return {
            key: value
            for key, value in given.items()
            if key not in secret and key != "password"
        }

    def __post_init__(self) -> None:
        # a config is remembered parsed only where none of these words stands in it
        nameless = [
            option.name
            for option in self.options
            if option.secret and not any(word in option.name for word in SECRET_WORDS)
        ]
        if nameless:
            raise ValueError(
                f"the name of a secret option says so ({', '.join(SECRET_WORDS)}): "
                f"{nameless}"
            )
