"""The run key: the digest of everything that a stage's result depends on.

Equal keys mean interchangeable results. What is in the key and how it is written is
settled in docs/reference/formats.md; a change here is a new version.
"""

import json
import math
from typing import Any

from mltrack.errors import PipelineError
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.stage import Entry, Inputs, Stage

VERSION = 1


def key_parts(stage: Stage, inputs: Inputs, shell: str) -> dict[str, Any] | None:
    """Returns the parts of the key as plain data, or None if a dependency is not there."""
    deps = []
    # in what order, or how often, they are listed changes no result
    for path in sorted(set(stage.deps)):
        content = inputs.deps.get(path)
        if content is None:
            return None
        # no size: it follows from the digest
        deps.append([path, content.kind, content.hex])
    return {
        "v": VERSION,
        "cmd": list(stage.cmd),
        "shell": shell,
        "wdir": stage.wdir,
        "deps": deps,
        "params": inputs.params,
        "env": inputs.env,
        "lock": inputs.lock,
        "image": inputs.image,
        "outs": sorted([out.path, out.type] for out in stage.outs),
    }


def entry_parts(entry: Entry) -> dict[str, Any]:
    """Returns the parts of the key that a lock entry was recorded under."""
    # as key_parts has them: a record is believed only where its entry gives its key
    return {
        "v": VERSION,
        "cmd": list(entry.cmd),
        "shell": entry.shell,
        "wdir": entry.wdir,
        "deps": [
            [path, content.kind, content.hex]
            for path, content in sorted(entry.deps.items())
        ],
        "params": entry.params,
        "env": entry.env,
        "lock": entry.lock,
        "image": entry.image,
        "outs": sorted([path, entry.out_types[path]] for path in entry.outs),
    }


def run_key(parts: dict[str, Any], algorithm: Algorithm) -> str:
    """Returns the hexadecimal digest of the canonical JSON of ``parts``."""
    return algorithm.hex_of(canonical_json(parts))


def canonical_json(value: Any) -> bytes:
    """Returns UTF-8 JSON with sorted keys, no spaces, floats as ``repr``; raises
    PipelineError for NaN and infinity.
    """
    check_finite(value, "")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        # paths are bytes, and not all of them text
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise PipelineError(
            "a param or command holds a lone surrogate, which is no text"
        ) from None


def check_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise PipelineError(
            f"param {where.lstrip('.')!r} is {value}: it has no canonical form, so it "
            "cannot be part of a key"
        )
    # bits: Python writes no number of more than 4,300 digits, which are 14,284 bits
    if isinstance(value, int) and value.bit_length() > 8192:
        raise PipelineError(f"param {where.lstrip('.')!r} is too large a number")
    if isinstance(value, dict):
        for name, item in value.items():
            check_finite(item, f"{where}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_finite(item, f"{where}[{index}]")
