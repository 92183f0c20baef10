"""Series as the logger writes them: CSV of a step and a value, of any length. Of a long
one the points that a picture shows: a million rows take seconds to read as tables are
read, and a browser longer to draw.
"""

import math
from collections.abc import Iterator

STEP = "step"
_HEADER = f"{STEP},".encode()
# points: below, all are drawn
MOST_POINTS = 100_000
# pieces of the axis, with four points each: ten times what a wide screen has columns
_PIECES = MOST_POINTS // 4
Points = list[tuple[str, str]]


def thinned(data: bytes) -> tuple[str, Points] | None:
    """Returns the name of a long series and its points, as texts: of each piece the
    first and the last one, the least and the greatest, and one that is no number if
    there is any. None for what is no such series, or a short one.
    """
    is_short = data.count(b"\n") <= MOST_POINTS + 1
    # quotes: a name with a comma in it, for which the columns are not counted here
    if is_short or not data.startswith(_HEADER) or b'"' in data or b"\r" in data:
        return None
    try:
        head, _, body = data.decode().partition("\n")
        cells = body.rstrip("\n").replace("\n", ",").split(",")
        steps, texts = cells[0::2], cells[1::2]
        values = list(map(float, texts))
    except ValueError:
        return None
    # a line of more cells, or of fewer, would shift all that follow
    if len(steps) != len(values) or body.count("\n") not in (
        len(values),
        len(values) - 1,
    ):
        return None
    kept = _kept(values)
    return head.removeprefix(f"{STEP},"), [(steps[at], texts[at]) for at in kept]


def _kept(values: list[float]) -> Iterator[int]:
    size = math.ceil(len(values) / _PIECES)
    for begin in range(0, len(values), size):
        piece = values[begin : begin + size]
        chosen = {0, len(piece) - 1}
        # a sum is no number if one of them is none
        if not math.isfinite(sum(piece)):
            numbers = [value for value in piece if math.isfinite(value)]
            odd = next(
                value for value in (*piece, math.nan) if not math.isfinite(value)
            )
            chosen |= {piece.index(odd)} if odd in piece else set()
        else:
            numbers = piece
        if numbers:
            chosen |= {piece.index(min(numbers)), piece.index(max(numbers))}
        yield from (begin + at for at in sorted(chosen))
