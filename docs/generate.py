"""Writes the parts of docs/reference that follow from the code; ``--check`` only says
whether they are up to date.
"""

import ast
import importlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mltrack
from mltrack.api.experiments import Experiments
from mltrack.api.graphs import Dag
from mltrack.api.tables import Records, Values
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
    (
        "`MLTRACK_LIVE`",
        "where `log` puts what a program logs, instead of `live`; set for the commands "
        "of stages",
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
        "What the command line does, with records in the place of text.\n\n"
        "A call prints nothing, asks nothing, and keeps nothing: it opens the project, "
        "does its work and closes it. So calls may come from\nseveral threads, after a "
        "fork, and inside a stage. In a notebook a transfer shows a bar. Errors are "
        "`mltrack.MltrackError` and kinds of\nit, with `message` and `hint`.\n",
        "\n`repo` is what `--repo` takes: a path, an address, or a name in the settings; "
        "`rev` a git revision. Without both it is the\nworkspace of the current "
        "directory. See [the guide](../guides/python.md) for examples.\n",
    ]
    for name in mltrack.__all__:
        parts += _documented(getattr(mltrack, name), f"mltrack.{name}")
    parts += _documented(Experiments, "mltrack.Project.exp")
    for kind in (Values, Records, Dag):
        parts += _documented(kind, kind.__name__)
    parts.append(
        "\n## What records hold\n\nThe fields of what calls return, by name.\n"
    )
    returned = {
        kind.__name__: kind
        for what in (mltrack.Project, Experiments)
        for kind in _returned(what)
    }
    for _, kind in sorted(returned.items()):
        rows = "".join(f"- `{name}`: `{_plain(hint)}`\n" for name, hint in _hints(kind))
        about = inspect.cleandoc(kind.__doc__ or "")
        # what a dataclass without a docstring is given
        about = "" if about.startswith(f"{kind.__name__}(") else f"{about}\n\n"
        parts.append(f"\n### {kind.__name__}\n\n{about}{rows}")
    return "".join(parts)


def _returned(what: type) -> list[type]:
    """The records that the methods of a class return, and those in them, by name."""
    found: dict[str, type] = {}
    for name, method in _methods(what):
        # what is built on mltrack's own parts reads their code
        if name == "session":
            continue
        module = sys.modules[inspect.unwrap(method).__module__]
        names = _imported(module)
        for word in re.findall(
            r"\w+", str(inspect.signature(method).return_annotation)
        ):
            if word in names:
                origin = importlib.import_module(names[word])
                _collect(getattr(origin, word), found)
    return [found[name] for name in sorted(found)]


def _imported(module: Any) -> dict[str, str]:
    """The modules that a module's annotations name, also those that it never loads."""
    tree = ast.parse(inspect.getsource(module))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if node.module.startswith(
            (
                "mltrack.verbs",
                "mltrack.pipeline",
                "mltrack.engine",
                "mltrack.experiments",
            )
        )
    }


def _collect(hint: Any, found: dict[str, type]) -> None:
    for one in (hint, *typing.get_args(hint)):
        if isinstance(one, type) and one.__module__.startswith("mltrack."):
            if _hints(one) and one.__name__ not in found:
                found[one.__name__] = one
                for _, inner in _hints(one):
                    _collect(inner, found)
        elif one is not hint:
            _collect(one, found)


def _hints(kind: type) -> list[tuple[str, Any]]:
    """The fields of a record, with their types; none of another class."""
    names = [*getattr(kind, "__dataclass_fields__", ()), *getattr(kind, "_fields", ())]
    hints = typing.get_type_hints(kind) if names else {}
    return [(name, hints[name]) for name in names]


def _plain(hint: Any) -> str:
    """A type without the modules that it is from."""
    text = (
        hint.__name__
        if isinstance(hint, type) and not typing.get_args(hint)
        else str(hint)
    )
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text).replace("NoneType", "None")


def _documented(what: Any, name: str) -> Iterator[str]:
    if isinstance(what, type) and issubclass(what, MltrackError):
        yield f"\n## {name}\n\n{inspect.cleandoc(what.__doc__ or '')}\n"
        return
    yield f"\n## {name}\n\n"
    # how a dictionary or a list is made, nobody asks; experiments are a project's
    made = (dict, list, Experiments)
    if not (isinstance(what, type) and issubclass(what, made)):
        yield f"```text\n{name}{_signature(what)}\n```\n\n"
    yield f"{inspect.cleandoc(what.__doc__ or '')}\n"
    for inner, method in _methods(what):
        yield f"\n### {name}.{inner}\n\n```text\n{inner}{_signature(method)}\n"
        yield f"```\n\n{inspect.cleandoc(method.__doc__ or '')}\n"


def _methods(what: Any) -> Iterator[tuple[str, Any]]:
    """The public methods of a class of ours, or of an object of one, those of what it is
    built on first.
    """
    kinds = (what if isinstance(what, type) else type(what)).__mro__[::-1]
    for kind in (kind for kind in kinds if kind.__module__.startswith("mltrack.")):
        for name, method in vars(kind).items():
            # a property is named by what it returns, which has its own part
            if not name.startswith("_") and callable(method):
                yield name, method


def _signature(what: Any) -> str:
    found = inspect.signature(what)
    own = [one for name, one in found.parameters.items() if name != "self"]
    text = str(found.replace(parameters=own))
    # the address of a function that is a default is another each time
    text = re.sub(r" = <function .*? at 0x[0-9a-f]+>", " = ...", text)
    # annotations that are read as texts: their modules are loaded when a call needs them
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
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
