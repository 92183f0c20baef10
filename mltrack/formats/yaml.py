"""The one door to YAML, read as YAML 1.2 core.

PyYAML's C parser does the work; its YAML 1.1 resolver is replaced, so that ``off`` is a
word, ``010`` is ten, ``1e-4`` is a number and a date is text. Duplicate keys, tags and
several documents are refused; nesting, aliases and size are bounded before anything is
built, since pipeline files come from strangers too.

PyYAML is loaded when the first text is read or written: what was parsed before is
remembered, so that most commands need no parser.
"""

import re
from functools import cache as memoized
from typing import Any, NoReturn

from mltrack.errors import FormatError

# characters: a pipeline file of 100,000 stages; parsing one takes seconds
MAX_BYTES = 16 << 20
# levels: deeper than any params, far from where recursion ends
MAX_DEPTH = 64
# nodes, aliases followed: nine lines of aliases can mean a billion
MAX_NODES = 1_000_000
# 714 bytes of `<<` keep PyYAML busy for eight seconds, and each line doubles that
MAX_MERGES = 16
_HINT = "put text that holds `: `, `#`, `${` or a leading sign in quotes; indent with spaces, not tabs"

_TAG = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT = (
    _TAG + name for name in ("str", "null", "bool", "int", "float")
)


_WORDS = (
    (_NULL, r"(~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    (_BOOL, r"(true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    (_INT, r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z", list("-+0123456789")),
    (
        _FLOAT,
        r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
        r"|\.(nan|NaN|NAN))\Z",
        list("-+.0123456789"),
    ),
)
"""What YAML 1.2's core schema takes for other than text, and how it may begin."""
_SCALAR, _SEQUENCE, _MAPPING = "scalar", "sequence", "mapping"
"""What PyYAML's nodes say that they are."""


class _PyYaml:
    """What is used of PyYAML: its parser and its writer, with the resolver of the core
    schema, and its errors.
    """

    def __init__(self) -> None:
        import yaml  # noqa: PLC0415 - see above
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # noqa: PLC0415

        class Resolver(yaml.resolver.BaseResolver):
            """The tags of YAML 1.2's core schema."""

        for tag, pattern, beginnings in _WORDS:
            Resolver.add_implicit_resolver(tag, re.compile(pattern), beginnings)

        class Loader(CParser, Resolver):
            """libyaml's parser and composer with the resolver above; nodes are turned
            into values here, never by PyYAML.
            """

            def __init__(self, stream: str) -> None:
                CParser.__init__(self, stream)
                Resolver.__init__(self)

        class Dumper(
            yaml.emitter.Emitter,
            yaml.serializer.Serializer,
            yaml.representer.SafeRepresenter,
            Resolver,
        ):
            """PyYAML's writer with the resolver above, so that text which looks like a
            number is quoted.
            """

            def __init__(self, stream: Any, **options: Any) -> None:
                keys = ("canonical", "indent", "width", "allow_unicode", "line_break")
                yaml.emitter.Emitter.__init__(
                    self, stream, **{key: options[key] for key in keys}
                )
                yaml.serializer.Serializer.__init__(self)
                yaml.representer.SafeRepresenter.__init__(
                    self, default_flow_style=False, sort_keys=options["sort_keys"]
                )
                Resolver.__init__(self)

        self.loader, self.dumper, self.dump = Loader, Dumper, yaml.dump
        self.error, self.marked_error = yaml.YAMLError, yaml.MarkedYAMLError


@memoized
def _pyyaml() -> _PyYaml:
    return _PyYaml()


def load(text: str, name: str) -> Any:
    """Returns the one document in ``text`` as dicts, lists and scalars; ``name`` is its
    path, for the error.
    """
    node = _compose(text, name)
    return _Builder(name).build(node, 0) if node is not None else None


def locate(text: str, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Returns the line and column, from 1, of the key or item at ``path``, or of the
    nearest one above it.
    """
    node = _compose(text, "")
    mark = node.start_mark if node is not None else None
    for step in path:
        kind = node.id if node is not None else ""
        if kind == _MAPPING:
            pair = next(
                ((key, value) for key, value in node.value if key.value == str(step)),
                None,
            )
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif kind == _SEQUENCE and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.start_mark
        else:
            break
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def with_scalar(text: str, path: tuple[str | int, ...], value: Any) -> str:
    """Returns a document in which the single value at ``path`` is another one, and all
    else stands as it was written; '' where there is no single value.
    """
    node = _compose(text, "")
    for step in path:
        kind = node.id if node is not None else ""
        if kind == _MAPPING:
            pairs = node.value
            node = next((to for key, to in pairs if key.value == str(step)), None)
        elif kind == _SEQUENCE and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return ""
    if node is None or node.id in (_MAPPING, _SEQUENCE):
        return ""
    # a single value alone ends with a line of its own, one in a list does not
    piece = dump([value]).removeprefix("- ").rstrip("\n")
    return text[: node.start_mark.index] + piece + text[node.end_mark.index :]


def _compose(text: str, name: str) -> Any:
    if len(text) > MAX_BYTES:
        raise FormatError(f"{name}: larger than {MAX_BYTES} characters")
    _check_nesting(text, name)
    pyyaml = _pyyaml()
    loader = pyyaml.loader(text)
    try:
        return loader.get_single_node()
    except pyyaml.marked_error as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise FormatError(
            f"{name}{at}: not valid YAML: {error.problem}",
            hint=_HINT,
            context=str(error.context or ""),
        ) from None
    except (pyyaml.error, ValueError, RecursionError) as error:
        raise FormatError(
            f"{name}: not valid YAML: {str(error).splitlines()[0]}"
        ) from None
    finally:
        loader.dispose()


def _check_nesting(text: str, name: str) -> None:
    """Refuses nesting that would exhaust the C parser's stack: it recurses, and is
    reached before any node exists.
    """
    depth = 0
    # block nesting needs no bracket: `- - - -` is a level every two characters
    for match in re.finditer(r"[\[{]|[\]}]|(?:[-?:] ){100}", text):
        depth += 1 if match[0] in "[{" else -1 if match[0] in "]}" else 1000
        if depth > 500:
            line = text.count("\n", 0, match.start()) + 1
            raise FormatError(f"{name}:{line}: nested too deeply")
        depth = max(depth, 0)


class _Builder:
    """Turns composed nodes into plain values, counting what it visits so that aliases
    cannot multiply.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.visited = 0

    def fail(self, node: Any, problem: str) -> NoReturn:
        mark = node.start_mark
        raise FormatError(f"{self.name}:{mark.line + 1}:{mark.column + 1}: {problem}")

    def build(self, node: Any, depth: int) -> Any:
        self.visited += 1
        if depth > MAX_DEPTH or self.visited > MAX_NODES:
            self.fail(
                node,
                "nested too deeply"
                if depth > MAX_DEPTH
                else "aliases expand to too much",
            )
        if node.id == _SCALAR:
            return self.scalar(node)
        if node.id == _SEQUENCE:
            if node.tag != _TAG + "seq":
                self.fail(node, f"the tag {node.tag!r} is not allowed")
            return [self.build(item, depth + 1) for item in node.value]
        if node.tag != _TAG + "map":
            self.fail(node, f"the tag {node.tag!r} is not allowed")
        return self.mapping(node, depth, 0)

    def mapping(self, node: Any, depth: int, merges: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            # `"<<"` in quotes is a key like any other
            if key_node.id == _SCALAR and key_node.value == "<<" and not key_node.style:
                self.merge(merged, value_node, depth, merges)
                continue
            key = self.key(key_node)
            if key in own:
                self.fail(key_node, f"the key {key!r} appears twice")
            own[key] = self.build(value_node, depth + 1)
        # a mapping's own keys win, wherever its `<<` stands
        return {**merged, **own} if merged else own

    def merge(self, into: dict[str, Any], node: Any, depth: int, merges: int) -> None:
        if merges >= MAX_MERGES or depth > MAX_DEPTH:
            self.fail(node, f"more than {MAX_MERGES} merges ('<<') in a row")
        for source in node.value if node.id == _SEQUENCE else [node]:
            self.visited += 1
            if source.id != _MAPPING:
                self.fail(source, "'<<' takes a mapping or a list of mappings")
            if self.visited > MAX_NODES:
                self.fail(source, "aliases expand to too much")
            for key, value in self.mapping(source, depth + 1, merges + 1).items():
                # of several sources the first that has a key counts
                into.setdefault(key, value)

    def key(self, node: Any) -> str:
        if node.id != _SCALAR:
            self.fail(node, "a key must be a single word or number")
        # text is what keys are here: `010: x` is the key "010", `true: x` is "true"
        return str(node.value)

    def scalar(self, node: Any) -> Any:
        tag, text = node.tag, node.value
        if tag == _STR:
            return text
        try:
            if tag == _INT:
                return (
                    # by prefix: int(text, 0) refuses `010`, which here is ten
                    int(text, 8 if text.startswith("0o") else 16)
                    if text[:2] in ("0o", "0x")
                    else int(text)
                )
            if tag == _FLOAT:
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self.fail(node, f"number out of range: {text[:40]!r}")
        if tag == _BOOL:
            return text.lower() == "true"
        if tag == _NULL:
            return None
        return self.fail(node, f"the tag {tag!r} is not allowed")


def dump(value: Any) -> str:
    """Returns ``value`` as block-style YAML that :func:`load` reads back as the same
    value.
    """
    pyyaml = _pyyaml()
    text: str = pyyaml.dump(
        value,
        Dumper=pyyaml.dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )
    return text
