"""Writes the parts of docs/reference that follow from the code; ``--check`` only says
whether they are up to date.
"""

import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mltrack import api
from mltrack.cli.commands import COMMANDS
from mltrack.config.schema import (
    OUTSIDE,
    REPO,
    SETTINGS,
    remote_settings,
    runner_settings,
)
from mltrack.disk.abilities import Ability
from mltrack.errors import MltrackError
from mltrack.runners.worker import messages

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Made by docs/generate.py: change the code, then run `make docs`. -->\n\n"
VARIABLES = (
    ("`MLTRACK_HOOKS`", "`0` makes git's hooks do nothing"),
    (
        "`MLTRACK_ABILITIES`",
        "what may be asked of the system, separated by commas: "
        f"{', '.join(f'`{ability.value}`' for ability in Ability)}; `none` is none of "
        "them. Unset, all that are there. What is off is done in other ways",
    ),
    (
        "`MLTRACK_ROOT`, `MLTRACK_STAGE`",
        "set for the commands of stages: the project's directory, the stage's name",
    ),
)
OTHER_CODES = (
    (0, "done, or nothing to do"),
    (4, "differences were found, and `--check` was given"),
    (70, "a bug in mltrack; a report file is written and named"),
    (130, "interrupted"),
)


def cli() -> str:
    from typer._click import Context
    from typer.main import get_command

    parts = [
        "# Commands\n\n",
        NOTE,
        "Every command takes `-C DIR`, `-q`, `-v`, `--no-progress`, `--color=WHEN` and `--help`.\n",
    ]
    family = ""
    for verb, entry in COMMANDS.items():
        if entry.family != family:
            family = entry.family
            parts.append(f"\n## {family.capitalize()}\n")
        command: Any = get_command(importlib.import_module(entry.module).app)
        subcommands = getattr(command, "commands", None)
        for name, one in subcommands.items() if subcommands else [("", command)]:
            title = f"mltrack {verb} {name}".strip()
            context = Context(
                one,
                info_name=title,
                terminal_width=100,
                max_content_width=100,
                **one.context_settings,
            )
            parts.append(
                f"\n### {title}\n\n```text\n{one.get_help(context).strip()}\n```\n"
            )
    return "".join(parts)


def settings() -> str:
    rows = [
        f"| `{item.key}` | {item.default!r} | "
        f"{item.about}{' Not in the committed config.' if item.private else ''} |"
        for item in (*SETTINGS, OUTSIDE, REPO, *runner_settings())
    ]
    rows += [
        f"| `{item.key}` | | "
        f"{item.about}{' Not in the committed config.' if item.private else ''} |"
        for item in remote_settings().values()
    ]
    return (
        "# Settings\n\n"
        + NOTE
        + "A value comes from the first of these that has it: an environment variable (`MLTRACK_CORE_JOBS` for "
        "`core.jobs`), `.mltrack/config.local.toml`\n(this clone), "
        "`.mltrack/config.toml` (the project, in git), the user's own config, "
        "the default.\n`mltrack config --origin` shows which.\n\n| key | default | "
        "meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "| variable | meaning |\n|---|---|\n"
        + "".join(f"| {name} | {about} |\n" for name, about in VARIABLES)
    )


def _summary(kind: type) -> str:
    """The first paragraph of a docstring, on one line."""
    first = (kind.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(first.split())


def kinds_of_errors() -> list[tuple[int, str, str]]:
    """The exit code, slug and meaning of each."""
    return sorted(
        (kind.exit_code, kind.slug, _summary(kind)) for kind in _all(MltrackError)
    )


def errors() -> str:
    rows = [
        f"| {code} | `{slug}` | {about} |" for code, slug, about in kinds_of_errors()
    ]
    others = "\n".join(f"| {code} | {about} |" for code, about in OTHER_CODES)
    return (
        "# Errors and exit codes\n\n"
        + NOTE
        + "An error says what happened, with the path, why, and in a line `hint:` one thing to try. "
        "`-vv` adds a traceback.\n\n| exit code | kind | when |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n\n| exit code | meaning |\n|---|---|\n"
        + others
        + "\n"
    )


def documents() -> str:
    schema = json.loads((REFERENCE / "json.schema.json").read_text())
    parts = [
        "# What `--json` prints\n\n",
        NOTE,
        "[json.schema.json](json.schema.json) says it for programs (JSON Schema "
        "2020-12), by command. `mltrack repro --json` prints a\n"
        "line for each event as it happens; everything else prints one document. A "
        "field may be added under the same\n"
        "`schema_version`; one that changes or goes takes the next, and a line in the "
        "changelog.\n",
    ]
    for name, body in schema["$defs"].items():
        for one in body.get("oneOf", [body]):
            if "schema_version" in one.get("properties", {}):
                event = one["properties"].get("event", {}).get("const", "")
                title = f"mltrack {name}: {event}" if event else f"mltrack {name}"
                parts.append(f"\n## {title}\n\n| field | holds |\n|---|---|\n")
                parts += _fields(one, "", schema["$defs"])
    for name, body in schema["$defs"].items():
        if "oneOf" not in body and "schema_version" not in body.get("properties", {}):
            parts.append(f"\n## Record: {name}\n\n{_record(name, schema['$defs'])}")
    return "".join(parts)


def _record(name: str, known: dict[str, Any]) -> str:
    """What a record that several documents hold looks like."""
    body = known[name]
    if not body.get("properties"):
        return f"{_words(body)}\n"
    about = body.get("description", "")
    rows = "".join(_fields(body, "", known))
    return f"{about}\n\n| field | holds |\n|---|---|\n{rows}"


def _fields(body: dict[str, Any], prefix: str, known: dict[str, Any]) -> Iterator[str]:
    """A row for each field, and for those of what it holds."""
    for name, value in body["properties"].items():
        if name in ("schema_version", "event"):
            continue
        inner = value.get("items", value)
        reference = inner.get("$ref", "").rpartition("/")[2]
        inner = known[reference] if reference else inner
        words = reference or _words(inner)
        optional = "" if name in body["required"] else ", may lack"
        yield f"| `{prefix}{name}` | {'list of ' if 'items' in value else ''}{words}{optional} |\n"
        if inner.get("properties") and not reference:
            yield from _fields(inner, f"{prefix}{name}.", known)


def _words(value: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if "anyOf" in value:
        return " or ".join(
            each.get("$ref", "").rpartition("/")[2] or each.get("type", "any")
            for each in value["anyOf"]
        )
    return str(value.get("type", "any"))


def _all(kind: type[MltrackError]) -> set[type[MltrackError]]:
    return {found for child in kind.__subclasses__() for found in {child, *_all(child)}}


def host_messages() -> str:
    """The page on what is asked of a host, from the records themselves."""
    parts = [
        "# What is asked of a host\n\n",
        NOTE,
        "A connection is a pair of pipes through ssh. Both ways go frames: `MLTF`, 4 "
        "bytes with the length of the JSON, 8 with that of\n"
        "the bytes behind it, the JSON, the bytes (`runners/worker/frames.py`). A "
        "request is one of these records as\n"
        '`{"verb": NAME, field: value, …}` (`runners/worker/messages.py`, which both sides '
        "import); the answer is a mapping, or\n"
        "`error` and `kind` (`damaged`, `tampered`, `system`, `protocol`). Requests "
        "may be sent ahead; they are answered in order.\n\n",
        "| request | fields | what it asks, and what is answered |\n|---|---|---|\n",
    ]
    for name, kind in messages.KINDS.items():
        fields = ", ".join(f"`{field}`" for field in kind._fields)
        parts.append(f"| `{name}` | {fields} | {' '.join(kind.__doc__.split())} |\n")
    return "".join(parts)


def decisions() -> str:
    """The list of decisions, by their titles."""
    pages = sorted((REFERENCE.parent / "internals/decisions").glob("0*.md"))
    lines = [
        f"- [{page.read_text().partition(chr(10))[0].removeprefix('# ')}]({page.name})\n"
        for page in pages
    ]
    return "".join(["# Decisions\n\n", NOTE, *lines])


def python() -> str:
    """The page on mltrack from Python, from its docstrings."""
    parts = [
        "# mltrack from Python\n\n",
        NOTE,
        "".join(
            f"{line}\n" for line in inspect.cleandoc(api.__doc__ or "").split("\n")
        ),
        "\n`repo` is what `--repo` takes: a path, an address, or a name in the settings; "
        "`rev` a git revision. Without both it is the\nworkspace of the current "
        "directory. See [the guide](../guides/python.md) for examples.\n",
    ]
    for name in api.__all__:
        parts += _documented(getattr(api, name), f"mltrack.{name}")
    return "".join(parts)


def _documented(what: Any, name: str) -> Iterator[str]:
    if isinstance(what, type) and issubclass(what, MltrackError):
        yield f"\n## {name}\n\n{inspect.cleandoc(what.__doc__ or '')}\n"
        return
    yield f"\n## {name}\n\n```text\n{name}{_signature(what)}\n```\n\n"
    yield f"{inspect.cleandoc(what.__doc__ or '')}\n"
    if isinstance(what, type):
        for inner, method in vars(what).items():
            if not inner.startswith("_"):
                yield f"\n### {name}.{inner}\n\n```text\n{inner}{_signature(method)}\n"
                yield f"```\n\n{inspect.cleandoc(method.__doc__ or '')}\n"


def _signature(what: Any) -> str:
    found = inspect.signature(what)
    own = [one for name, one in found.parameters.items() if name != "self"]
    text = str(found.replace(parameters=own))
    # the address of a function that is a default is another each time
    text = re.sub(r" = <function .*? at 0x[0-9a-f]+>", " = ...", text)
    # one name for what is one of twenty records
    text = re.sub(r"mltrack\.events\.Progress \| [\w.| ]+", "Event", text)
    text = text.replace("mltrack.", "")
    return (
        text.replace("collections.abc.", "").replace("os.", "").replace("typing.", "")
    )


def main() -> int:
    stale = []
    for name, text in (
        ("cli.md", cli()),
        ("settings.md", settings()),
        ("errors.md", errors()),
        ("json.md", documents()),
        ("python.md", python()),
        ("../internals/host-messages.md", host_messages()),
        ("../internals/decisions/index.md", decisions()),
    ):
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
