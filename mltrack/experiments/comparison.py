"""What ``<`` or ``in`` means between two values of a row in ``--where``.

Values have kinds: number, text, true or false, null, list, mapping. Values of two kinds
are not equal, and neither is the lesser: true is not 1, and nothing is raised.
"""

import operator
from collections.abc import Callable
from typing import Any

Compare = Callable[[Any, Any], bool]


def equal(left: Any, right: Any) -> bool:
    """Returns whether two values are alike: 1 and 1.0 are, and what is not a number is
    not equal to itself.
    """
    kind = _kind(left)
    if kind is not _kind(right):
        return False
    if kind is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind is dict:
        return left.keys() == right.keys() and all(
            equal(left[key], right[key]) for key in left
        )
    return bool(left == right)


def _different(left: Any, right: Any) -> bool:
    return not equal(left, right)


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _in_order(compare: Compare) -> Compare:
    def ordered(left: Any, right: Any) -> bool:
        kind = _kind(left)
        return kind is _kind(right) and kind in (float, str) and compare(left, right)

    return ordered


def _holds(whole: Any, part: Any) -> bool | None:
    """Whether a list, text or mapping has a part; None for what can hold none such."""
    if isinstance(whole, list | tuple):
        return any(equal(part, one) for one in whole)
    if isinstance(whole, str | dict) and isinstance(part, str):
        return part in whole
    return None


def _is_in(part: Any, whole: Any) -> bool:
    return _holds(whole, part) is True


def _is_not_in(part: Any, whole: Any) -> bool:
    return _holds(whole, part) is False


COMPARISONS: dict[str, Compare] = {
    "==": equal,
    "!=": _different,
    "<": _in_order(operator.lt),
    "<=": _in_order(operator.le),
    ">": _in_order(operator.gt),
    ">=": _in_order(operator.ge),
    "in": _is_in,
    "not in": _is_not_in,
}
