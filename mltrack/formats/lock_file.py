"""The lock: what did run. JSON, sorted, one fact per line, one block per stage and
nothing shared between blocks.

A run record and a journal line carry the same block; this module is where it is turned
into a record and back.
"""

import json
from typing import Any

from mltrack.errors import FormatError
from mltrack.formats import json_text
from mltrack.formats.paths import check_dependency, check_path
from mltrack.formats.pointer import conflict_line
from mltrack.objects.content import KINDS, STAMP, TREE, URL, Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.stage import Entry, is_elsewhere, is_outside

VERSION = 1


def write(entries: dict[str, Entry], algorithm: Algorithm) -> str:
    """Returns the text of a lock with these stages, by the name they have in their
    pipeline file.
    """
    stages = {name: entry_data(entry, algorithm) for name, entry in entries.items()}
    # four levels: each dependency and output is a line, so that git merges them apart
    return _lines({"mltrack": VERSION, "stages": stages}, depth=4) + "\n"


def parse(data: bytes, algorithm: Algorithm, name: str) -> dict[str, Entry]:
    """Returns the entries in a lock; ``name`` is its path, for errors."""
    # before parsing, which would only say that it is not JSON
    line = conflict_line(data)
    if line:
        raise FormatError(
            f"{name}:{line}: git left conflict markers here",
            hint=f"mltrack resolve {name}",
        )
    value = json_text.load(data, name)
    if not isinstance(value, dict) or not isinstance(value.get("mltrack"), int):
        raise FormatError(
            f"{name}: not a lock: it has no 'mltrack' version",
            hint=f"git checkout -- {name}",
        )
    if value["mltrack"] > VERSION:
        raise FormatError(
            f"{name}: written by a newer mltrack (format {value['mltrack']}, this one "
            f"reads {VERSION})",
            hint="upgrade mltrack",
        )
    stages = value.get("stages")
    if not isinstance(stages, dict):
        raise FormatError(f"{name}: 'stages' is missing or not an object")
    return {
        stage: parse_entry(block, algorithm, f"{name}: stages.{stage}")
        for stage, block in stages.items()
    }


def entry_data(entry: Entry, algorithm: Algorithm) -> dict[str, Any]:
    """Returns a lock entry as plain data."""
    data: dict[str, Any] = {
        "cmd": list(entry.cmd),
        "shell": entry.shell,
        "deps": {
            path: content_data(content, algorithm)
            for path, content in entry.deps.items()
        },
        "outs": {path: _output_data(entry, path, algorithm) for path in entry.outs},
    }
    if entry.wdir:
        data["wdir"] = entry.wdir
    if entry.params:
        data["params"] = entry.params
    if entry.env:
        data["env"] = {
            name: value and algorithm.text(value) for name, value in entry.env.items()
        }
    if entry.lock:
        data["lock"] = algorithm.text(entry.lock)
    if entry.image:
        data["image"] = entry.image
    return data


def _output_data(entry: Entry, path: str, algorithm: Algorithm) -> dict[str, Any]:
    data = {**content_data(entry.outs[path], algorithm), "type": entry.out_types[path]}
    if path in entry.uncached:
        data["cache"] = False
    if path in entry.unpushed:
        data["push"] = False
    return data


def parse_entry(data: object, algorithm: Algorithm, where: str) -> Entry:
    """Returns the entry in plain data; raises FormatError for anything malformed, with
    ``where``.
    """
    block = _mapping(data, where)
    cmd = block.get("cmd")
    if not isinstance(cmd, list) or not all(isinstance(line, str) for line in cmd):
        raise FormatError(f"{where}: 'cmd' must be a list of texts")
    params = _mapping(block.get("params", {}), f"{where}.params")
    variables = _mapping(block.get("env", {}), f"{where}.env")
    outs = _mapping(block.get("outs", {}), f"{where}.outs")
    return Entry(
        cmd=tuple(cmd),
        shell=_text(block.get("shell", "/bin/sh"), f"{where}.shell"),
        wdir=_text(block.get("wdir", ""), f"{where}.wdir"),
        deps=_dependencies(
            _mapping(block.get("deps", {}), f"{where}.deps"), algorithm, f"{where}.deps"
        ),
        params={
            check_path(file, where): _mapping(keys, f"{where}.params")
            for file, keys in params.items()
        },
        env={
            name: value and algorithm.parse(value) for name, value in variables.items()
        },
        lock=algorithm.parse(block["lock"]) if "lock" in block else None,
        image=_text(block["image"], f"{where}.image") if "image" in block else None,
        # before the lines below, which take each of them for an object
        outs=_contents(outs, algorithm, f"{where}.outs"),
        out_types={
            path: _text(out.get("type", "out"), f"{where}.outs")
            for path, out in outs.items()
        },
        uncached=_refusing(outs, "cache"),
        unpushed=_refusing(outs, "push"),
    )


def _refusing(outs: dict[str, Any], setting: str) -> frozenset[str]:
    """The outputs that say no to something."""
    return frozenset(path for path, out in outs.items() if out.get(setting) is False)


def content_data(content: Content, algorithm: Algorithm) -> dict[str, Any]:
    data: dict[str, Any] = {
        "digest": algorithm.text(content.hex),
        "kind": content.kind,
        "size": content.size,
    }
    if content.kind == TREE:
        data["files"] = content.files
    return data


def parse_content(
    data: object, algorithm: Algorithm, where: str, kinds: tuple[str, ...] = KINDS
) -> Content:
    block = _mapping(data, where)
    kind, size, files = block.get("kind"), block.get("size"), block.get("files", 1)
    if kind not in kinds:
        raise FormatError(f"{where}: unknown kind {kind!r}")
    for number in (size, files):
        # by type: True is an int to isinstance
        if type(number) is not int or not 0 <= number < 1 << 63:
            raise FormatError(
                f"{where}: size and files must be whole numbers below 2**63"
            )
    try:
        hex_digest = algorithm.parse(block.get("digest"))
    except FormatError as error:
        raise FormatError(f"{where}: {error.message}") from None
    return Content(str(kind), hex_digest, size, files)  # type: ignore[arg-type]  # checked above


def _dependencies(
    block: dict[str, Any], algorithm: Algorithm, where: str
) -> dict[str, Content]:
    return {
        # what has the kind of one place could equal nothing at another
        check_dependency(path, where): parse_content(
            item, algorithm, f"{where}.{path}", _kinds(path)
        )
        for path, item in block.items()
    }


def _kinds(path: str) -> tuple[str, ...]:
    if is_elsewhere(path):
        return (*KINDS, STAMP)
    return (URL,) if is_outside(path) else KINDS


def _contents(
    block: dict[str, Any], algorithm: Algorithm, where: str
) -> dict[str, Content]:
    return {
        check_path(path, where): parse_content(item, algorithm, f"{where}.{path}")
        for path, item in block.items()
    }


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"{where}: must be an object")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{where}: must be text")
    return value


def _lines(value: Any, *, depth: int, indent: str = "") -> str:
    """JSON with one line per key down to ``depth``, and each deeper value on one line."""
    if not value or depth == 0 or not isinstance(value, dict | list):
        # NaN would be written as what no JSON reader takes
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    inner = indent + "  "
    if isinstance(value, list):
        items = [inner + _lines(item, depth=depth - 1, indent=inner) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    pairs = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: "
        f"{_lines(value[key], depth=depth - 1, indent=inner)}"
        for key in sorted(value)
    ]
    return "{\n" + ",\n".join(pairs) + f"\n{indent}}}"
