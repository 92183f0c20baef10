"""What ``uniform(0, 1)`` and its like mean in ``-S``: values that are drawn, not listed.

Drawing uses ``random()`` of the generator alone: Python promises that one seed gives
the same sequence of it in every version, and of nothing else.
"""

from math import exp, isfinite, log
from random import Random
from typing import Any, NamedTuple

from mltrack.errors import UsageError

UNIFORM, LOGUNIFORM, RANDINT, CHOICE = "uniform", "loguniform", "randint", "choice"
KINDS = (UNIFORM, LOGUNIFORM, RANDINT, CHOICE)
_EXAMPLES = {
    UNIFORM: "uniform(0.0, 0.5)",
    LOGUNIFORM: "loguniform(1e-5, 1e-1)",
    RANDINT: "randint(1, 10)",
    CHOICE: "choice(adam, sgd)",
}
# what random() has: it returns a multiple of 2 ** -53
_BITS = 53


class Distribution(NamedTuple):
    """One of ``KINDS`` and its arguments: two bounds, or the values of a choice.

    ``uniform`` and ``loguniform`` give floats from the first bound to the second;
    ``randint`` gives whole numbers below the second, as ``range`` does.
    """

    kind: str
    arguments: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many different values there are; 0 where they cannot be counted."""
        if self.kind == CHOICE:
            return len(self.arguments)
        return self.arguments[1] - self.arguments[0] if self.kind == RANDINT else 0

    def at(self, position: int) -> Any:
        """Returns one of the ``size`` values."""
        if self.kind == CHOICE:
            return self.arguments[position]
        return self.arguments[0] + position

    def draw(self, random: Random) -> float:
        """Returns a value of a distribution that has no ``size``."""
        low, high = self.arguments
        part = random.random()
        if self.kind == UNIFORM:
            found = low + (high - low) * part
        else:
            found = exp(log(low) + (log(high) - log(low)) * part)
        # rounding may lead a last digit beyond a bound
        return float(min(max(found, low), high))


def below(random: Random, bound: int) -> int:
    """Returns a whole number from 0 to ``bound``, exclusive, each as likely."""
    # at least one word more than the bound has: what is uneven then shows nowhere
    words = bound.bit_length() // _BITS + 2
    bits = 0
    for _ in range(words):
        bits = bits << _BITS | int(random.random() * (1 << _BITS))
    return bits * bound >> words * _BITS


def checked(kind: str, arguments: tuple[Any, ...], text: str) -> Distribution:
    """Returns the distribution; raises UsageError, naming ``text``, for arguments that
    it cannot have.
    """
    problem = _problem(kind, arguments)
    if problem:
        raise UsageError(f"{text!r}: {problem}", hint=f"such as {_EXAMPLES[kind]}")
    return Distribution(kind, arguments)


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number; true and false are none."""
    # a whole number of any length is finite, and isfinite() raises for a long one
    return type(value) is int or (isinstance(value, float) and isfinite(value))


def _problem(kind: str, arguments: tuple[Any, ...]) -> str:
    if kind == CHOICE:
        return "" if arguments else "choice requires at least one value"
    if len(arguments) != len(("low", "high")):
        return f"{kind} requires two numbers, got {len(arguments)}"
    odd = [one for one in arguments if not is_number(one)]
    if odd:
        return f"{kind} requires finite numbers, got {odd[0]!r}"
    if kind == RANDINT and not all(isinstance(one, int) for one in arguments):
        return "randint requires whole numbers"
    return _problem_of_bounds(kind, *arguments)


def _problem_of_bounds(kind: str, low: float, high: float) -> str:
    if low >= high:
        return f"the first number must be less than the second: {low} and {high}"
    if kind == LOGUNIFORM and low <= 0:
        return f"loguniform requires numbers greater than zero, got {low}"
    try:
        is_too_far = kind != RANDINT and not isfinite(float(high) - float(low))
    except OverflowError:
        is_too_far = True
    return f"{low} and {high} are too far apart" if is_too_far else ""
