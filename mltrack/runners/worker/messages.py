"""What is asked of a worker: one record for each request, the same here and on the
host.

On the wire a request is a frame of JSON, ``{"verb": NAME, field: value, …}``, and bytes
behind it. What the bytes are, and what is answered, stands at each record;
docs/internals/host-messages.md has the page. A field that has a default may be left
out, one that a newer side adds is passed over.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

JobNumber = Any
"""A list ``[run key, attempt's number]``."""


class Hello(NamedTuple):
    """Comes first. ``gpus`` is how many GPUs the settings say there are, None to look;
    ``locks`` the directory of their locks, '' for the usual one; ``limit`` bounds the
    host's objects, in bytes. Answered with what the host is and has.
    """

    algorithm: str
    gpus: int | None
    locks: str
    limit: int


class Library(NamedTuple):
    """A library to hash with: ``files`` are ``[name, size]``, their bytes follow.
    Answered: ``hashes``, whether that will do.
    """

    files: list[Any]


class Install(NamedTuple):
    """Asks the host to get a library to hash with by itself. Answered: ``hashes``."""


class Holders(NamedTuple):
    """Asks who holds GPUs. Answered: ``slots``, each ``[gpu, holder, whether it is
    foreign]``.
    """


class Known(NamedTuple):
    """Asks for the latest attempt of each key, or of ``keys``. Answered: ``jobs``; of one
    that runs with ``values``, the last ones that it logged.
    """

    keys: list[str] | None = None


class Start(NamedTuple):
    """Starts a job, or finds it; ``fresh`` wants a new attempt. Answered: ``found`` and
    ``number``, with ``resumed`` where it goes on from a checkpoint; or ``missing``, and
    the digests of the inputs that lack as bytes.
    """

    job: dict[str, Any]
    fresh: bool


class Watch(NamedTuple):
    """Asks what is new of ``jobs``, each ``[key, number, offset of its log, [state,
    gpus] as known]``: at once if anything is, at the latest after ``seconds``, or when
    the next request comes. Answered: ``jobs``, with the pieces of their logs as bytes.
    """

    jobs: list[Any]
    seconds: float


class Cancel(NamedTuple):
    """Asks for the end of attempts, each ``[key, number]``. Answered at once; whoever
    watches sees their end.
    """

    jobs: list[JobNumber]


class Take(NamedTuple):
    """Says that an attempt's result has arrived. ``held``: objects stay here on
    purpose; ``rejected``: it is of no use.
    """

    key: str
    number: int
    held: bool = False
    rejected: bool = False


class Has(NamedTuple):
    """Asks which contents are here with all below them; ``roots`` are ``[kind, hex,
    size, files]``. Answered: ``has``.
    """

    roots: list[Any]


class Put(NamedTuple):
    """Small objects, ``[hex, size]`` each; their bytes follow."""

    objects: list[Any]


class Part(NamedTuple):
    """A piece of a large object of ``size`` bytes, at ``offset``. Without bytes it asks
    how much is here. Answered: ``offset``.
    """

    hex: str
    size: int
    offset: int = 0


class Settle(NamedTuple):
    """Makes durable what was put."""


class Read(NamedTuple):
    """Asks for small objects. Answered: ``sizes``, and their bytes."""

    objects: list[str]


class ReadPart(NamedTuple):
    """Asks for a piece of a large object from ``offset`` on. Answered with its bytes."""

    hex: str
    offset: int


class ListRaw(NamedTuple):
    """Asks what an output consists of that the host could not hash. Answered: ``rows``."""

    key: str
    number: int
    path: str


class ReadRaw(NamedTuple):
    """Asks for a piece of a file of such an output; ``inner`` is its path in it.
    Answered with its bytes.
    """

    key: str
    number: int
    path: str
    inner: str
    offset: int


# not `|`: this line is carried out, on Python 3.8 too
Request = Union[
    Hello,
    Library,
    Install,
    Holders,
    Known,
    Start,
    Watch,
    Cancel,
    Take,
    Has,
    Put,
    Part,
    Settle,
    Read,
    ReadPart,
    ListRaw,
    ReadRaw,
]
KINDS: dict[str, Any] = {
    "hello": Hello,
    "library": Library,
    "install": Install,
    "holders": Holders,
    "known": Known,
    "start": Start,
    "watch": Watch,
    "cancel": Cancel,
    "take": Take,
    "has": Has,
    "put": Put,
    "part": Part,
    "settle": Settle,
    "read": Read,
    "read_part": ReadPart,
    "list_raw": ListRaw,
    "read_raw": ReadRaw,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def to_wire(message: Request) -> dict[str, Any]:
    """Returns a request as it is sent."""
    return {"verb": _NAMES[type(message)], **message._asdict()}


def from_wire(found: dict[str, Any]) -> Any:
    """Returns the request that was sent; raises KeyError or TypeError for one that
    makes no sense.
    """
    kind = KINDS[str(found.get("verb"))]
    return kind(
        **{name: value for name, value in found.items() if name in kind._fields}
    )
