"""Writes the man pages, from the commands themselves: what `--help` says, as roff.

usage: python docs/manpages.py build/man
"""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from generate import OTHER_CODES, VARIABLES, kinds_of_errors

from mltrack import __version__
from mltrack.cli.commands import COMMANDS
from mltrack.cli.help_topics import TOPICS

GLOBAL_OPTIONS = (
    ("-C DIR", "Work as if started in DIR."),
    ("-q", "Say less."),
    ("-v", "Say more; -vv shows tracebacks."),
    ("--no-progress", "Show no progress."),
    ("--color=WHEN", "always or never; without it, on terminals."),
    ("-h, --help", "Show the help of a command."),
    ("--version", "Print the version."),
)


def roff(text: str) -> str:
    """Returns a text with what roff would take for its own escaped, and with words in
    backticks bold.
    """
    # \\e and not \\\\, which ends where a macro reads it twice; an ASCII minus can be pasted
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    escaped = re.sub(r"`([^`\n]+)`", r"\\fB\1\\fR", escaped)
    lines = [
        rf"\&{line}" if line.startswith((".", "'")) else line
        for line in escaped.splitlines()
    ]
    return "\n".join(lines)


def page(name: str, about: str, sections: list[tuple[str, str]]) -> str:
    """Returns a page of section 1; the bodies of ``sections`` are roff already."""
    # without a date: the same sources make the same page
    title = f'.TH {roff(name.upper())} 1 "" "mltrack {__version__}" "mltrack manual"'
    first = f".SH NAME\n{roff(name)} \\- {roff(about)}"
    bodies = [f".SH {title}\n{body}" for title, body in sections if body]
    return "\n".join([title, first, *bodies]) + "\n"


def listed(items: list[tuple[str, str]]) -> str:
    """A list of words, each with what it means."""
    return "\n".join(
        f".TP\n\\fB{roff(word)}\\fR\n{roff(about) or '.'}" for word, about in items
    )


def description(text: str) -> tuple[str, str]:
    """The paragraphs of a help text, and its examples, both as roff."""
    prose, _, examples = text.partition("\b\nExamples:\n")
    paragraphs = re.split(r"\n\s*\n", prose.strip())
    shown = "\n".join(line.strip() for line in examples.splitlines())
    return (
        "\n.PP\n".join(roff(" ".join(part.split())) for part in paragraphs),
        f".nf\n{roff(shown)}\n.fi" if shown else "",
    )


def parts(command: Any, title: str) -> list[tuple[str, str]]:
    """The sections on one command line."""
    context = _context(command)
    usage = " ".join(command.collect_usage_pieces(context))
    prose, examples = description(command.help or "")
    records = [
        (kind, each.get_help_record(context))
        for each in command.get_params(context)
        for kind in [each.param_type_name]
    ]
    return [
        ("SYNOPSIS", f"\\fB{roff(title)}\\fR {roff(usage)}"),
        ("DESCRIPTION", prose),
        ("ARGUMENTS", listed([r for kind, r in records if r and kind == "argument"])),
        ("OPTIONS", listed([r for kind, r in records if r and kind == "option"])),
        ("EXAMPLES", examples),
    ]


def of_command(verb: str) -> str:
    """The page of a verb; of a group, with a section for each of its commands."""
    from typer.main import get_command

    entry = COMMANDS[verb]
    command: Any = get_command(importlib.import_module(entry.module).app)
    subcommands = getattr(command, "commands", None)
    sections: list[tuple[str, str]] = []
    if subcommands:
        lines = [
            f"\\fBmltrack {roff(verb)} {roff(name)}\\fR {roff(' '.join(one.collect_usage_pieces(_context(one))))}"
            for name, one in subcommands.items()
        ]
        sections.append(("SYNOPSIS", "\n.br\n".join(lines)))
        for name, one in subcommands.items():
            inner = parts(one, f"mltrack {verb} {name}")[1:]
            body = "\n".join(
                text
                if title == "DESCRIPTION"
                else f".PP\n.B {title.capitalize()}\n{text}"
                for title, text in inner
                if text
            )
            sections.append((roff(f"mltrack {verb} {name}".upper()), body))
    else:
        sections += parts(command, f"mltrack {verb}")
    also = "\\fBmltrack\\fR(1) has the options that every command takes, and the exit codes."
    return page(f"mltrack-{verb}", entry.about, [*sections, ("SEE ALSO", also)])


def _context(command: Any) -> Any:
    from typer._click import Context

    return Context(command, **command.context_settings)


def overview() -> str:
    """The page of mltrack itself."""
    families: dict[str, list[tuple[str, str]]] = {}
    for verb, entry in COMMANDS.items():
        families.setdefault(entry.family, []).append(
            (f"mltrack-{verb}(1)", entry.about)
        )
    commands = "\n".join(
        f".SS {roff(family.capitalize())}\n{listed(members)}"
        for family, members in families.items()
    )
    codes = sorted(
        [
            *((code, f"{slug}: {about}") for code, slug, about in kinds_of_errors()),
            *OTHER_CODES,
        ]
    )
    return page(
        "mltrack",
        "data, pipelines and results beside git",
        [
            ("SYNOPSIS", r"\fBmltrack\fR [\-C DIR] [\-q | \-v] COMMAND [ARGS]..."),
            (
                "DESCRIPTION",
                roff(
                    "Git keeps code and small text. mltrack keeps large files in a cache and writes small pointer "
                    "files for git, sends the bytes to remotes, and runs a pipeline of stages, of which it skips "
                    "those whose inputs did not change."
                ),
            ),
            ("OPTIONS", listed(list(GLOBAL_OPTIONS))),
            ("COMMANDS", commands),
            (
                "TOPICS",
                roff("`mltrack help TOPIC` shows a page:")
                + "\n"
                + listed([(name, topic.about) for name, topic in TOPICS.items()]),
            ),
            ("EXIT STATUS", listed([(str(code), about) for code, about in codes])),
            (
                "ENVIRONMENT",
                listed([(name.replace("`", ""), about) for name, about in VARIABLES]),
            ),
            ("SEE ALSO", r"\fBgit\fR(1)"),
        ],
    )


def main() -> None:
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.1"):
        old.unlink()
    (place / "mltrack.1").write_text(overview())
    for verb in COMMANDS:
        (place / f"mltrack-{verb}.1").write_text(of_command(verb))


if __name__ == "__main__":
    main()
