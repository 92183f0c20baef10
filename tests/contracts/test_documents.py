"""What ``--json`` prints is published: a schema for each command and each event, in
docs/reference.
"""

import importlib
import json
import typing
from typing import Any

import jsonschema
import pytest

from mltrack.cli.commands import COMMANDS
from mltrack.cli.render import SCHEMA_VERSION
from mltrack.engine import events
from mltrack.engine.fault import Fault, FaultCause
from mltrack.pipeline.plan import Verdict
from mltrack.pipeline.reason import Cause
from mltrack.runners.job import Failure
from tests.support import documents
from tests.support.workspace import ROOT, Workspace


def commands_with_json() -> list[str]:
    from typer.main import get_command

    found = []
    for verb, entry in COMMANDS.items():
        command: Any = get_command(importlib.import_module(entry.module).app)
        for name, one in (getattr(command, "commands", None) or {"": command}).items():
            if any("--json" in parameter.opts for parameter in one.params):
                found.append(f"{verb} {name}".strip())
    return found


def test_every_command_that_prints_json_has_a_schema() -> None:
    known = documents.schema()["$defs"].keys()
    assert [name for name in commands_with_json() if name not in known] == []


def test_the_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(documents.schema())
    assert {
        body["properties"]["schema_version"]["const"]
        for body in documents.schema()["$defs"].values()
        if "schema_version" in body.get("properties", {})
    } == {SCHEMA_VERSION}


def test_every_event_has_a_schema_with_its_very_fields() -> None:
    bodies = {
        body["properties"]["event"]["const"]: body
        for body in documents.schema()["$defs"]["repro"]["oneOf"]
    }
    kinds = {
        kind.__name__: kind
        for kind in typing.get_args(events.Event)
        if kind is not events.Tick
    }
    assert bodies.keys() == kinds.keys()
    for name, kind in kinds.items():
        assert set(bodies[name]["required"]) == {
            "schema_version",
            "event",
            *kind._fields,
        }, name


def test_faults_and_failures_are_those_of_the_engine() -> None:
    known = documents.schema()["$defs"]
    assert known["fault cause"]["enum"] == [cause.value for cause in FaultCause]
    assert known["failure"]["enum"] == [kind.value for kind in Failure]
    assert set(known["fault"]["required"]) == set(Fault._fields)


def test_causes_and_verdicts_are_those_of_the_plan() -> None:
    assert documents.schema()["$defs"]["cause"]["enum"] == [
        cause.value for cause in Cause
    ]
    assert documents.schema()["$defs"]["verdict"]["enum"] == [
        verdict.value for verdict in Verdict
    ]


def test_a_field_that_nobody_published_is_found(ws: Workspace) -> None:
    document = ws.mltrack("status", "--json").json
    documents.check(["status"], json.dumps(document))
    with pytest.raises(AssertionError, match="unexpected"):
        documents.check(["status"], json.dumps({**document, "more": 1}))
    with pytest.raises(AssertionError, match="required"):
        documents.check(["status"], json.dumps({"schema_version": SCHEMA_VERSION}))


def test_a_new_schema_version_stands_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert SCHEMA_VERSION == 1 or f"`schema_version` {SCHEMA_VERSION}" in changelog
