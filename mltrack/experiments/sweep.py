"""What ``-S [FILE:]KEY=VALUE`` means: an axis of values for one param, and what several
axes give together: every combination, or some that are drawn. ``listed`` is for those
that are written in a file.

Nothing here knows which params there are. Names stand as they were typed, and values
are those of ``repro --set``.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fractions import Fraction
from itertools import product
from math import ceil, log10, prod
from random import Random
from typing import Any, NamedTuple

from mltrack.errors import UsageError
from mltrack.experiments import distribution
from mltrack.experiments.distribution import Distribution
from mltrack.experiments.parameter_sets import listed as listed
from mltrack.verbs.overrides import parse_value

# far above what anyone runs; a range of billions would fill the memory first
MAX_VALUES = 100_000
RANGE = "range"
_CALL = re.compile(r"([A-Za-z_]+)\((.*)\)\Z", re.DOTALL)
# as YAML has them: a sign after a backslash, and a quote that is doubled
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'', re.DOTALL)
_EXAMPLE = "-S lr=0.1,0.01, or -S other.yaml:train.lr=0.1,0.01"


class Axis(NamedTuple):
    """A param, ``[FILE:]KEY``, and the different values that it takes, in the order
    written; none where they are drawn from a distribution.
    """

    name: str
    values: tuple[Any, ...]
    distribution: Distribution | None

    @property
    def size(self) -> int:
        """How many different values there are; 0 where they cannot be counted."""
        return len(self.values) if self.distribution is None else self.distribution.size

    def at(self, position: int) -> Any:
        """Returns one of the ``size`` values."""
        if self.distribution is None:
            return self.values[position]
        return self.distribution.at(position)


def parse_axis(text: str) -> Axis:
    """Returns the axis that ``[FILE:]KEY=VALUE`` means.

    A value is read as by ``repro --set``, or is one of several, divided by commas that
    are in neither brackets nor quotes. ``range(START, STOP, STEP)`` is each number
    below the stop. Of values that are alike the first counts. ``uniform``,
    ``loguniform``, ``randint`` and ``choice`` are distributions. Quotes make text of
    all of these.

    Raises UsageError for what is no assignment, has an empty value in a list, or holds
    a range or a distribution that makes no sense.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name.rpartition(":")[2]:
        raise UsageError(f"{text!r} sets nothing", hint=_EXAMPLE)
    pieces = _pieces(value, text)
    # as it is: text of one value keeps its spaces, as with `repro --set`
    call = _call(value, text) if len(pieces) == 1 else None
    if len(pieces) == 1 and call is None:
        return Axis(name, (parse_value(value, text),), None)
    if call is None or call[0] == RANGE:
        return Axis(name, _different(_values(pieces, text), text), None)
    return Axis(name, (), _distribution(*call, text))


def _pieces(text: str, where: str) -> list[str]:
    """The parts between commas that are in neither brackets nor quotes."""
    pieces, begin, at, depth = [], 0, 0, 0
    # a quote in the middle of a word is an apostrophe
    may_quote = True
    while at < len(text):
        quoted = _QUOTED.match(text, at) if may_quote else None
        if quoted:
            at, may_quote = quoted.end(), False
            continue
        sign = text[at]
        depth = max(depth + (sign in "[{(") - (sign in "]})"), 0)
        if sign == "," and not depth:
            pieces.append(text[begin:at].strip())
            begin = at + 1
        is_between = sign in "[{(," or (sign == ":" and depth > 0)
        may_quote = is_between or (may_quote and sign.isspace())
        at += 1
    if depth and "," in text[begin:]:
        raise UsageError(
            f"{where!r}: a bracket is not closed", hint="put text in quotes"
        )
    return [*pieces, text[begin:].strip()]


def _call(piece: str, where: str) -> tuple[str, str] | None:
    """The name and the arguments of what is written like ``range(5)``; None for other
    text.
    """
    known = (RANGE, *distribution.KINDS)
    match = _CALL.match(piece.strip())
    if match is None:
        return None
    if match[1] in known:
        return match[1], match[2]
    close = get_close_matches(match[1].lower(), known, n=1, cutoff=0.8)
    # else a slip of a finger would run all of it with a text as the value
    if close:
        raise UsageError(
            f"{where!r}: unknown distribution {match[1]!r}",
            hint=f"did you mean {close[0]}(…)? Quotes make text of it",
        )
    return None


def _values(pieces: list[str], where: str) -> Iterator[Any]:
    for piece in pieces:
        call = _call(piece, where)
        if call is not None and call[0] == RANGE:
            yield from _numbers(call[1], where)
        elif call is not None:
            raise UsageError(
                f"{where!r}: {piece} cannot be one value of a list",
                hint="choice(a, b) draws from a list; quotes make text of a value",
            )
        elif piece:
            yield parse_value(piece, where)
        else:
            raise UsageError(
                f"{where!r}: a value of the list is empty",
                hint='write null, or "" for empty text',
            )


def _different(values: Iterable[Any], where: str) -> tuple[Any, ...]:
    found: dict[str, Any] = {}
    for number, value in enumerate(values):
        if number == MAX_VALUES:
            raise UsageError(f"{where!r}: more than {MAX_VALUES:,} values")
        # as JSON, since 1, 1.0 and true are different values
        found.setdefault(json.dumps(value, sort_keys=True), value)
    return tuple(found.values())


def _distribution(kind: str, text: str, where: str) -> Distribution:
    pieces = _pieces(text, where) if text.strip() else []
    values = _values(pieces, where)
    if kind == distribution.CHOICE:
        return distribution.checked(kind, _different(values, where), where)
    return distribution.checked(kind, tuple(values), where)


def _numbers(text: str, where: str) -> list[float]:
    """The numbers of ``range(…)``, each exactly what its decimals say: the third of
    ``range(0, 1, 0.1)`` is 0.2, and the fourth is 0.3.
    """
    # no range in a range: it would be read by this function again, and so on
    pieces = _pieces(text, where) if text.strip() else []
    found = tuple(parse_value(one, where) for one in pieces)
    problem = _problem_of_range(found)
    if problem:
        raise UsageError(
            f"{where!r}: {problem}", hint="such as range(5), or range(2, 12, 2)"
        )
    given = [Fraction(repr(one)) for one in found]
    start, stop = (Fraction(0), given[0]) if len(given) == 1 else given[:2]
    step = given[2] if len(given) > len("ab") else Fraction(1)
    count = max(ceil((stop - start) / step), 0)
    if not 0 < count <= MAX_VALUES:
        raise UsageError(
            f"{where!r}: the range has {_counted(count)} values"
            + (f", more than {MAX_VALUES:,}" if count else ""),
            hint="range(START, STOP, STEP); the stop is not part of it",
        )
    kind = int if all(isinstance(one, int) for one in found) else float
    return [kind(start + step * at) for at in range(count)]


def _problem_of_range(found: tuple[Any, ...]) -> str:
    if not 1 <= len(found) <= len(("start", "stop", "step")):
        return f"range requires one to three numbers, got {len(found)}"
    odd = [one for one in found if not distribution.is_number(one)]
    if odd:
        return f"range requires finite numbers, got {odd[0]!r}"
    return "" if all(found[2:]) else "the step of a range must not be 0"


def cross(axes: Sequence[Axis], limit: int) -> list[dict[str, Any]]:
    """Returns every combination of the axes' values, the last axis changing fastest; of
    no axes the one that sets nothing.

    Raises UsageError for a param that two axes set, for a distribution, and for more
    than ``limit`` combinations, before any is made.
    """
    _check_names(axes)
    for axis in axes:
        if axis.distribution is not None:
            raise UsageError(
                f"{axis.name} is drawn from {axis.distribution.kind}(…), which has no"
                " list of values to combine",
                hint="--random N draws N of them",
            )
    count = prod(len(axis.values) for axis in axes)
    if count > limit:
        raise UsageError(
            f"{_counted(count)} combinations are more than the limit of {limit:,}",
            hint="give fewer values, or draw some combinations with --random N",
        )
    names = [axis.name for axis in axes]
    return [
        dict(zip(names, values, strict=True))
        for values in product(*(axis.values for axis in axes))
    ]


def _counted(count: int) -> str:
    # longer ones are hard to read, and Python refuses to write thousands of digits
    readable = 10**15
    digits = int(count.bit_length() * log10(2))
    return f"{count:,}" if count < readable else f"about 10^{digits}"


def draw(
    axes: Sequence[Axis], count: int, seed: int, limit: int
) -> list[dict[str, Any]]:
    """Returns ``count`` draws, the same for the same axes and seed; more of them begin
    with the same ones.

    Combinations of what can be counted (lists, ``choice``, ``randint``) repeat only
    when all of them have been drawn, and then as seldom as possible.

    Raises UsageError where there is nothing to draw from, for a param that two axes
    set, and for a count that is not from 1 to ``limit``.
    """
    _check_names(axes)
    if not axes:
        raise UsageError("there are no values to draw from", hint=_EXAMPLE)
    if not 1 <= count <= limit:
        raise UsageError(
            f"the number of draws must be from 1 to {limit:,}, not {count:,}"
        )
    random = Random(seed)
    order = _order(prod(axis.size or 1 for axis in axes), random)
    return [_drawn(axes, next(order), random) for _ in range(count)]


def _drawn(axes: Sequence[Axis], position: int, random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for axis in axes:
        if axis.size:
            position, own = divmod(position, axis.size)
            found[axis.name] = axis.at(own)
        elif axis.distribution is not None:
            found[axis.name] = axis.distribution.draw(random)
    return found


def _order(total: int, random: Random) -> Iterator[int]:
    """Positions below ``total`` in a random order, and again in another one."""
    while True:
        # a shuffle that remembers what it moved: the total may be astronomic
        moved: dict[int, int] = {}
        for at in range(total):
            other = at + distribution.below(random, total - at)
            yield moved.get(other, other)
            moved[other] = moved.pop(at, at)


def _check_names(axes: Sequence[Axis]) -> None:
    seen: set[str] = set()
    for axis in axes:
        if axis.name in seen:
            raise UsageError(
                f"{axis.name} is set twice",
                hint=f"list its values in one: -S {axis.name}=a,b",
            )
        seen.add(axis.name)
