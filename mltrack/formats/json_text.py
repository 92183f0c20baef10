"""JSON that strangers may have written: strict, bounded, without surprises."""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any, NoReturn

from mltrack.errors import FormatError

# bytes: far above any lock; parsed it takes several times as much memory
MAX_BYTES = 256 << 20
# digits: what is longer is more than 2^8192, which no run key takes
_LONG_NUMBER = re.compile(rb"[0-9]{2468}")


def load(data: bytes, name: str) -> Any:
    """Returns the value in ``data``; duplicate keys, NaN, deep nesting and oversized
    numbers are refused.
    """
    return _load(data, name, _no_constant, _finite)


def load_values(data: bytes, name: str) -> Any:
    """Like :func:`load`, for values that programs measured: NaN and infinities are
    read, as Python's and JavaScript's programs write them, and so is ``1e999``.
    """
    return _load(data, name, float, float)


def _load(
    data: bytes,
    name: str,
    constant: Callable[[str], Any],
    number: Callable[[str], float],
) -> Any:
    # before parsing: nothing is allocated for what is refused
    if len(data) > MAX_BYTES:
        raise FormatError(f"{name}: larger than {MAX_BYTES} bytes")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=constant,
            parse_float=number,
            # a call for each whole number only where one may be too long
            parse_int=_bounded if _LONG_NUMBER.search(data) else None,
        )
    except (ValueError, RecursionError) as error:
        # ValueError: bad UTF-8 or JSON, or a number of more than 4,300 digits
        reason = (
            "nested too deeply" if isinstance(error, RecursionError) else str(error)
        )
        raise FormatError(f"{name}: not valid JSON: {reason[:200]}") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    # the names are looked for only where there is a mistake: this runs for each object
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} appears twice in one object")
            seen.add(key)
    return result


def _finite(text: str) -> float:
    number = float(text)
    # `1e999` is read as an infinity, which no JSON has
    if not isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _bounded(text: str) -> int:
    if _LONG_NUMBER.match(text.lstrip("-").encode()):
        raise ValueError(f"a number of {len(text)} digits is too large")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
