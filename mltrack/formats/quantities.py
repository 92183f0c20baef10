"""Durations and sizes as people write them: ``90s``, ``2h``, ``1h30m``; ``16GB``,
``512MiB``.
"""

import re

from mltrack.errors import PipelineError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ms|s|m|h|d))")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)[bB]?\Z")
# seconds or bytes: no machine has so many
_TOO_LARGE = 10**18
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def seconds(value: object) -> float:
    """Returns a duration in seconds: a number of them, or text such as ``90s`` or
    ``1h30m``.
    """
    # a bool is an int to Python: `timeout: true` is a mistake, not one second
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(value, value)
    text = str(value).replace(" ", "")
    pieces = list(_DURATION.finditer(text))
    # nothing between the pieces: `1h30` and `2hours` are mistakes, not an hour or two
    if not pieces or "".join(piece[0] for piece in pieces) != text:
        raise PipelineError(
            f"{value!r} is not a duration such as 90s, 15m, 2h or 1h30m"
        )
    return _positive(
        sum(float(piece[1]) * _SECONDS[piece[2]] for piece in pieces), value
    )


def size(value: object) -> float:
    """Returns a number of bytes: a number, or text such as ``16GB`` (powers of ten) or
    ``512MiB`` (powers of two).
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(value, value)
    match = _SIZE.match(str(value).strip())
    if match is None:
        raise PipelineError(f"{value!r} is not a size such as 512MiB or 16GB")
    return _positive(
        float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]], value
    )


def _positive(number: float, value: object) -> float:
    # also false for NaN
    if not number > 0:
        raise PipelineError(f"{value!r} must be greater than zero")
    if number >= _TOO_LARGE:
        raise PipelineError(f"{value!r} is too large: it must be less than 10^18")
    # only now: of a whole number with 400 digits there is no float
    return float(number)
