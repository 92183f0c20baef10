"""Names of bytes: an algorithm and a hexadecimal value.

A digest is matched by its full pattern before anything is built from it. On hot paths
only the hexadecimal text travels: one project uses one algorithm, so the algorithm need
not be carried with each value.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

import xxhash

from mltrack.errors import ConfigError, FormatError, how_to_add


class Hasher(Protocol):
    """What hashlib, xxhash and blake3 objects have in common."""

    def update(self, data: bytes | memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


class Algorithm(NamedTuple):
    """A digest algorithm; ``code`` is its number in binary formats, ``raw_size`` its
    length in bytes there.
    """

    name: str
    code: int
    raw_size: int
    new: Callable[[], Hasher]
    hex_of: Callable[[bytes], str]

    @property
    def hex_size(self) -> int:
        return self.raw_size * 2

    def text(self, hex_digest: str) -> str:
        """Returns the written form, ``algorithm:hex``."""
        return f"{self.name}:{hex_digest}"

    def is_hex(self, text: str) -> bool:
        # before a path is built of it: `../../x` is no digest, nor are capitals
        return len(text) == self.raw_size * 2 and _LOWER_HEX(text) is not None

    def parse(self, text: object) -> str:
        """Returns the hexadecimal part of a written digest of this algorithm; raises
        FormatError for any other.
        """
        if isinstance(text, str):
            name, colon, value = text.partition(":")
            if colon and name == self.name and self.is_hex(value):
                return value
            # told apart from damage: it may be a pointer of another project
            if colon and name in NAMES and name != self.name:
                raise FormatError(
                    f"digest {text!r} is {name}, but this project uses {self.name}: "
                    "they are never mixed"
                )
        raise FormatError(
            f"{text!r} is not a digest of the form {self.name}:<{self.hex_size} hex "
            "digits>"
        )


# `\Z`: `$` would let a line feed follow
_LOWER_HEX = re.compile(r"[0-9a-f]+\Z").match

# small data by one call: a hasher object made for it costs more than twice as much
XXH3 = Algorithm(
    "xxh3", 1, 16, xxhash.xxh3_128, lambda data: xxhash.xxh3_128_hexdigest(data)
)
NAMES = ("xxh3", "blake3")


def algorithm(name: str) -> Algorithm:
    """Returns the algorithm of that name; raises ConfigError if it is unknown or its
    library is not installed.
    """
    if name == "xxh3":
        return XXH3
    if name == "blake3":
        try:
            from blake3 import blake3  # noqa: PLC0415 - an extra: loaded only where a project asks for it
        except ImportError:
            raise ConfigError(
                "this project uses blake3 digests, and the blake3 library is not "
                "installed",
                hint=how_to_add("blake3"),
            ) from None
        return Algorithm(
            "blake3", 2, 32, blake3, lambda data: str(blake3(data).hexdigest())
        )
    raise ConfigError(
        f"unknown digest algorithm {name!r}", hint=f"use one of: {', '.join(NAMES)}"
    )
