"""What ``--json`` prints, against its published schema: every document that any test
asks for is checked.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import jsonschema

from tests.support.places import ROOT

SCHEMA = ROOT / "docs/reference/json.schema.json"


@cache
def schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text()))


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    whole = schema()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]}
    )


def check(arguments: Sequence[str], out: str) -> None:
    """Fails unless what a command printed is as its schema says; a command that failed
    may have printed nothing.
    """
    name = name_of(arguments)
    is_stream = name in ("repro", "exp run", "exp start", "exp resume")
    documents = out.splitlines() if is_stream else [out] if out.strip() else []
    for text in documents:
        problem = next(validator(name).iter_errors(json.loads(text)), None)
        where = "/".join(map(str, problem.absolute_path)) if problem is not None else ""
        assert problem is None, (
            f"mltrack {' '.join(arguments)}: {where}: {problem.message}\n{text}"
        )


def name_of(arguments: Sequence[str]) -> str:
    """Returns the name of a command line's schema."""
    verb, *rest = [word for word in arguments if word not in ("-q", "-v", "-vv")]
    if verb == "repro":
        option = next((word for word in ("--dry-run", "--twice") if word in rest), "")
        return f"repro {option}".strip()
    if [verb, *rest[:1]] == ["exp", "run"]:
        option = next((word for word in ("--dry-run", "--queue") if word in rest), "")
        return f"exp run {option}".strip()
    if verb == "gc":
        return "gc --remote" if "--remote" in rest or "-r" in rest else "gc"
    both = f"{verb} {rest[0]}" if rest else verb
    return both if both in schema()["$defs"] else verb
