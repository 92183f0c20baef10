"""``--where "metrics.acc > 0.9 and params.lr < 0.01"``: conditions on rows of named
values.

::

    condition   = all {"or" all}
    all         = one {"and" one}
    one         = "not" one | "(" condition ")" | value {comparison value}
    comparison  = == | != | < | <= | > | >= | in | not in
    value       = name | number | text | true | false | null | "(" [value {"," value}] ")"

A name alone holds where its value is neither false, null, zero nor empty. Comparisons
in a row hold as in Python: ``0 < x < 1``. After ``in`` stands a list, or a name. A
comparison with a name that the row lacks does not hold, not even with ``!=`` or ``not
in``; ``not`` before it then does. Of text and a number only ``!=`` holds.

The parser is the whole of the language: nothing in a condition is run.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from mltrack.errors import UsageError
from mltrack.experiments.comparison import COMPARISONS, Compare
from mltrack.formats.params_file import flatten

# characters: below where Python refuses to read the digits of a number
MAX_LENGTH = 4_000
# levels of brackets and `not`: far from where recursion ends
MAX_DEPTH = 50
_EXAMPLE = 'such as: metrics.acc > 0.9 and not state == "failed"'
# what of a long condition is shown around a mistake
_SHOWN = 30

Values = Mapping[str, Any]
_Test = Callable[[Values], bool]
_ABSENT = object()


class Condition(NamedTuple):
    """A condition, and the names in it, each once, in the order written."""

    test: _Test
    names: tuple[str, ...]

    def holds(self, values: Values) -> bool:
        """Returns whether a row, by dotted names, meets the condition; never raises."""
        return self.test(values)


class _Value(NamedTuple):
    """What stands in a comparison: a name, or a literal where that is ''."""

    at: int
    name: str
    literal: Any

    def of(self, values: Values) -> Any:
        return values.get(self.name, _ABSENT) if self.name else self.literal


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_QUOTED = r""" "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' """
_TOKEN = re.compile(
    rf"""
    (?P<space> \s+ )
    | (?P<number> [-+]?(?: (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? | \.inf | \.nan )(?![\w.]) )
    | (?P<text> {_QUOTED} )
    | (?P<name> [^\W\d](?: [\w/-] | [.:](?:"(?:[^"\\]|\\.)*")? | \[[0-9]+\]
        | \[\s*(?:{_QUOTED})\s*\] )* )
    | (?P<sign> [=!<>]=|<(?!>)|[>(),\[\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(rf"\[\s*({_QUOTED})\s*\]", re.VERBOSE | re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
# Python's spelling is meant as often as YAML's
_WORDS |= {"True": True, "False": False, "None": None}
_KEYWORDS = ("and", "or", "not", "in")
_NUMBERS = {".inf": "inf", ".nan": "nan"}
_CLOSING = {"(": ")", "[": "]"}
_MEANT = {
    "=": "==",
    "<>": "!=",
    "&": "and",
    "|": "or",
    "!": "not",
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "IN": "in",
}
"""How other languages say it."""


def parse(text: str) -> Condition:
    """Returns the condition; raises UsageError, with the place marked, for what is
    none, for one that is too long and for one that is nested too deeply.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"a condition has at most {MAX_LENGTH:,} characters")
    parser = _Parser(text)
    test = parser.either(0)
    if parser.now.kind != "end":
        parser.fail("expected a comparison, 'and' or 'or'")
    return Condition(test, tuple(dict.fromkeys(parser.names)))


class _Parser:
    """Reads a condition from left to right; each method takes what it is named after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.now = self._token(0)

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        """Raises UsageError that marks a place, or where the parser is."""
        at = self.now.at if at is None else at
        begin = max(at - _SHOWN, 0)
        # each sign one column: a tab or line end would move the mark
        shown = re.sub(r"\s", " ", self.text[begin : at + _SHOWN])
        found = re.compile(r"\w+|<>|.?").match(self.text, at)
        meant = _MEANT.get(found[0] if found else "")
        raise UsageError(
            f"the condition is not valid: {problem}\n  {shown}\n  {' ' * (at - begin)}^",
            hint=f"did you mean {meant!r}?" if meant else _EXAMPLE,
        )

    def _token(self, at: int) -> _Token:
        match = _TOKEN.match(self.text, at)
        if match is not None and match.lastgroup == "space":
            return self._token(match.end())
        if match is not None:
            return _Token(str(match.lastgroup), match[0], at)
        if at == len(self.text):
            return _Token("end", "", at)
        self.now = _Token("", "", at)
        is_open = self.text[at] in "\"'"
        return self.fail("a quote is not closed" if is_open else "unexpected character")

    def _next(self) -> _Token:
        taken = self.now
        self.now = self._token(taken.at + len(taken.text))
        return taken

    def _takes(self, *texts: str) -> bool:
        """Whether what comes is one of these words or signs; then it is taken."""
        found = self.now.kind in ("name", "sign") and self.now.text in texts
        if found:
            self._next()
        return found

    def either(self, depth: int) -> _Test:
        parts = [self._all(depth)]
        while self._takes("or"):
            parts.append(self._all(depth))
        return _either(parts)

    def _all(self, depth: int) -> _Test:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return _all(parts)

    def _one(self, depth: int) -> _Test:
        if depth > MAX_DEPTH:
            self.fail("nested too deeply")
        if self._takes("not"):
            return _opposite(self._one(depth + 1))
        if self._takes("("):
            inner = self.either(depth + 1)
            if not self._takes(")"):
                self.fail("expected ')'")
            return inner
        return self._compared()

    def _compared(self) -> _Test:
        left = self._value()
        parts: list[_Test] = []
        while compare := self._comparison():
            is_in = compare in ("in", "not in")
            right = self._after_in() if is_in else self._value()
            parts.append(_comparison(COMPARISONS[compare], left, right))
            left = right
        if parts:
            return _all(parts)
        # `state == "a" or "b"` is a slip: it would hold for every row
        if not left.name:
            self.fail("a value is compared with nothing", left.at)
        return _truth(left)

    def _comparison(self) -> str:
        text = self.now.text
        if self._takes("not"):
            if not self._takes("in"):
                self.fail("expected 'in' after 'not'")
            return "not in"
        return text if text in COMPARISONS and self._takes(text) else ""

    def _after_in(self) -> _Value:
        at, opening = self.now.at, self.now.text
        if not self._takes(*_CLOSING):
            found = self._value()
            if not found.name and not isinstance(found.literal, str):
                self.fail("expected a list or a name after 'in'", found.at)
            return found
        closing, items = _CLOSING[opening], []
        while not self._takes(closing):
            item = self._value()
            if item.name:
                self.fail("a list holds values, no names; put text in quotes", item.at)
            items.append(item.literal)
            if not self._takes(",") and self.now.text != closing:
                self.fail(f"expected ',' or {closing!r}")
        return _Value(at, "", items)

    def _value(self) -> _Value:
        kind, text, at = self.now
        if kind not in ("number", "text", "name") or text in _KEYWORDS:
            self.fail("expected a name or a value")
        self._next()
        if kind == "number":
            return _Value(at, "", _number(text))
        if kind == "text":
            return _Value(at, "", _unquoted(text))
        if text in _WORDS:
            return _Value(at, "", _WORDS[text])
        self.names.append(_dotted(text))
        return _Value(at, self.names[-1], None)


def _number(text: str) -> float:
    for sign in _NUMBERS:
        text = text.replace(sign, _NUMBERS[sign])
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _dotted(name: str) -> str:
    """A name as rows have it: ``metrics['a b'].x`` is ``metrics.a b.x``."""
    return _PART.sub(
        lambda match: "." + next(iter(flatten({_unquoted(match[1]): 0}))), name
    )


def _either(parts: list[_Test]) -> _Test:
    return parts[0] if len(parts) == 1 else lambda row: any(one(row) for one in parts)


def _all(parts: list[_Test]) -> _Test:
    return parts[0] if len(parts) == 1 else lambda row: all(one(row) for one in parts)


def _opposite(test: _Test) -> _Test:
    return lambda row: not test(row)


def _truth(value: _Value) -> _Test:
    return lambda row: value.name in row and bool(row[value.name])


def _comparison(compare: Compare, left: _Value, right: _Value) -> _Test:
    def test(row: Values) -> bool:
        one, other = left.of(row), right.of(row)
        return one is not _ABSENT and other is not _ABSENT and compare(one, other)

    return test
