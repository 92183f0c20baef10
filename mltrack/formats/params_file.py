"""Params files and metrics files: YAML, JSON, TOML or Python, as nested plain values
addressed by dotted keys.
"""

import json
import re
from operator import eq
from typing import Any

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import json_text, yaml

SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".py")


def load(data: bytes, path: str, moment: str = "") -> Any:
    """Returns the values in a file; its suffix says in which language they are written.
    ``moment`` is for errors.
    """
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    path += moment
    # NaN and infinity too: metrics hold them, and params are refused where they count
    if suffix == ".json":
        return json_text.load_values(data, path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not UTF-8 text") from None
    if suffix in (".yaml", ".yml"):
        return yaml.load(text, path)
    if suffix == ".toml":
        import tomllib  # noqa: PLC0415

        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path}: not valid TOML: {error}") from None
    if suffix == ".py":
        return _python_values(text, path)
    raise FormatError(
        f"{path}: values are read from {', '.join(SUFFIXES)}",
        hint="rename the file or convert it",
    )


def dump(values: Any, path: str) -> bytes:
    """Returns a file with these values, in the language that its suffix says."""
    if path.endswith((".yaml", ".yml")):
        return yaml.dump(values).encode()
    if path.endswith(".json"):
        return json.dumps(values, indent=2).encode()
    raise PipelineError(
        f"{path}: only YAML and JSON files can be rewritten",
        hint="move these params to one of them",
    )


def pick(values: Any, keys: tuple[str, ...] | None, path: str) -> dict[str, Any]:
    """Returns the value of each dotted key, or all top-level values for None; a missing
    key names the nearest. A file whose top is a list or a single value has one value,
    with no name, and can only be depended on as a whole.
    """
    if keys is None and not isinstance(values, dict):
        check_plain(values, path)
        return {"": values}
    if not isinstance(values, dict):
        raise FormatError(f"{path}: the top level must be a mapping of names to values")
    chosen = (
        dict(values) if keys is None else {key: get(values, key, path) for key in keys}
    )
    for key, value in chosen.items():
        check_plain(value, f"{path}:{key}")
    return chosen


# nine digits: no list has more items, and int() raises for thousands of them
_STEP = re.compile(r'\.?(?:"((?:[^"\\]|\\.)*)"|\[(\d{1,9})\]|([^.\[\]"]+))')
_PLAIN = re.compile(r'[^.\[\]"\s][^.\[\]"]*\Z')


def get(values: Any, key: str, path: str) -> Any:
    """Returns the value at a dotted key, as :func:`flatten` writes it; raises
    PipelineError if there is none.
    """
    value = values
    for step in resolve(values, key, path):
        value = value[step]
    return value


def resolve(values: Any, key: str, path: str) -> list[str | int]:
    """Returns the steps that lead to the value at a dotted key: names, and positions in
    lists, written ``l[0]`` or ``l.0``.

    A name that itself holds dots may stand in double quotes, or as it is where nothing
    else is called so. Raises PipelineError if there is no such value.
    """
    # the name as it stands comes last: the dotted path has the first claim
    for steps in (_split(key), [key]):
        found = _walked(values, steps) if steps else None
        if found is not None:
            return found
    import difflib  # noqa: PLC0415 - only on the way to an error

    known = sorted(flatten(values))
    close = difflib.get_close_matches(key, known, n=1)
    hint = (
        f"did you mean {close[0]!r}?"
        if close
        else f"it has: {', '.join(known[:10])}"
        if known
        else "it is empty"
    )
    raise PipelineError(f"{path}: there is no param {key!r}", hint=hint)


def _split(key: str) -> list[str]:
    """The parts of a dotted key; none if it is not one."""
    parts, at = [], 0
    while at < len(key):
        match = _STEP.match(key, at)
        if match is None or (not at and key[0] == "."):
            return []
        parts.append(
            json.loads(f'"{match[1]}"')
            if match[1] is not None
            else match[2] or match[3]
        )
        at = match.end()
    return parts


def _walked(values: Any, parts: list[str]) -> list[str | int] | None:
    steps: list[str | int] = []
    for part in parts:
        if isinstance(values, dict) and part in values:
            steps.append(part)
            values = values[part]
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            steps.append(int(part))
            values = values[int(part)]
        else:
            return None
    return steps


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Returns leaf values by dotted key; lists are leaves of their items. Names that
    hold dots, brackets or quotes are quoted, so that no two leaves have one key.
    """
    if isinstance(values, dict):
        names = (
            (key if _PLAIN.match(key) else json.dumps(key, ensure_ascii=False), item)
            for key, item in values.items()
        )
        pairs = [(f"{prefix}.{name}" if prefix else name, item) for name, item in names]
    elif isinstance(values, list):
        pairs = [(f"{prefix}[{index}]", item) for index, item in enumerate(values)]
    else:
        return {prefix: values}
    result: dict[str, Any] = {}
    for name, item in pairs:
        result.update(
            flatten(item, name)
            # an empty one is a leaf: without it the key would be gone
            if isinstance(item, dict | list) and item
            else {name: item}
        )
    return result


def replaced(values: Any, overrides: dict[str, Any], path: str) -> Any:
    """Returns ``values`` with the values at these dotted keys replaced; raises
    PipelineError for a key that is not there.
    """
    for key, value in overrides.items():
        values = _with(values, resolve(values, key, path), value)
    return values


def rewritten(data: bytes, overrides: dict[str, Any], path: str) -> bytes:
    """Returns the bytes of a file with other values at these dotted keys; comments and
    layout stay where the values are single ones of a YAML file. Raises PipelineError for
    a key that is not there, or a language that cannot be written.
    """
    values = load(data, path)
    wanted = replaced(values, overrides, path)
    if path.endswith((".yaml", ".yml")):
        text = data.decode()
        for key, value in overrides.items():
            steps = tuple(resolve(values, key, path))
            text = text and yaml.with_scalar(text, steps, value)
        # what is an anchor, say, changes more than what was meant
        if text and _is_of(text, wanted, path):
            return text.encode()
    return dump(wanted, path)


def _is_of(text: str, wanted: Any, path: str) -> bool:
    try:
        # as text: 1 and True are equal values, and not the same params
        return repr(load(text.encode(), path)) == repr(wanted)
    except FormatError:
        return False


def concerning(
    values: Any, overrides: dict[str, Any], declared: tuple[str, ...], path: str
) -> dict[str, Any]:
    """Returns those overrides that change one of the declared keys: they are at it,
    above it or in it, however each is spelled. Raises PipelineError for a key that is
    not there.
    """
    places = {}
    for key, value in overrides.items():
        places[key] = resolve(values, key, path)
        values = _with(values, places[key], value)
    wanted = [resolve(values, key, path) for key in declared]
    return {
        key: overrides[key]
        for key, steps in places.items()
        # the shorter of the two begins the longer one
        if any(all(map(eq, steps, other)) for other in wanted)
    }


def _with(values: Any, steps: list[str | int], value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if isinstance(first, int):
        return [
            *values[:first],
            _with(values[first], rest, value),
            *values[first + 1 :],
        ]
    # copies along the way: parsed texts are remembered, and others read them too
    return {**values, first: _with(values[first], rest, value)}


def _python_values(text: str, path: str) -> dict[str, Any]:
    """The literals that a Python file assigns, at its top level and in its classes.
    Nothing in it is executed.
    """
    import ast  # noqa: PLC0415

    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        # ValueError: a NUL in the text
        raise FormatError(f"{path}: not valid Python: {error}") from None

    def assigned(body: list[ast.stmt]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = assigned(node.body)
            elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
                found.update(assigned(node.body))
            elif (
                isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            ):
                targets = (
                    node.targets if isinstance(node, ast.Assign) else [node.target]
                )
                names = [_assigned_name(target) for target in targets]
                try:
                    # literals only: looking at a clone must not run its code
                    value = ast.literal_eval(node.value)
                except (
                    ValueError,
                    TypeError,
                    SyntaxError,
                    MemoryError,
                    RecursionError,
                ):
                    # computed, or a call: not a param, and no mistake either
                    continue
                if _has_json_form(value):
                    found.update({name: _as_lists(value) for name in names if name})
        return found

    return assigned(module.body)


def _assigned_name(target: Any) -> str:
    """``x`` or ``self.x``; '' for anything else."""
    if hasattr(target, "id"):
        return str(target.id)
    owner = getattr(target, "value", None)
    return (
        str(target.attr)
        if getattr(owner, "id", "") == "self" and hasattr(target, "attr")
        else ""
    )


def _has_json_form(value: Any) -> bool:
    """Whether a literal can be recorded: bytes and complex numbers cannot, and are no
    params.
    """
    if isinstance(value, dict):
        return all(
            isinstance(key, str | int | float) and _has_json_form(item)
            for key, item in value.items()
        )
    if isinstance(value, tuple | list | set | frozenset):
        return all(map(_has_json_form, value))
    return value is None or isinstance(value, str | int | float)


def _as_lists(value: Any) -> Any:
    """Tuples as lists, and sets as sorted ones: JSON knows no other sequence."""
    if isinstance(value, set | frozenset):
        return sorted((_as_lists(item) for item in value), key=repr)
    if isinstance(value, tuple | list):
        return [_as_lists(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_lists(item) for key, item in value.items()}
    return value


def check_plain(value: Any, where: str) -> None:
    """Raises PipelineError for a value that has no place in JSON, such as a TOML date."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_plain(item, f"{where}.{key}")
    elif isinstance(value, list):
        for item in value:
            check_plain(item, where)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise PipelineError(
            f"param {where!r} is a {type(value).__name__}, which cannot be recorded",
            hint="write it as text",
        )
