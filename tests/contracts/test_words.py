"""What people read says it in the usual words: messages, hints, help texts and
documentation.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from mltrack.cli.commands import COMMANDS
from tests.support.places import ROOT

NOT_SAID = re.compile(
    r"\b(told|tells?(?! \w+ apart)|stands?(?! for)|stood|in vain|is to be had|are to be had|anew|as far as|all the same|takes ours back"
    r"|leaves? away|looks? (?:it )?through|makes? (?:\w+ )?be what|of its own|of their own|goes on|says something only"
    r"|not \w+ any more that|declared otherwise|split otherwise|nothing of|be what|more than nothing)\b"
)
"""Phrases that a reader in a hurry, or whose first language is another, has to read
twice.
"""
DOCS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "internals" not in p.parts),
]
# what says a format to the byte, and what reports measurements, is read slowly
READ_SLOWLY = {"formats.md", "benchmarks.md", "CONTRIBUTING.md"}
WORDS_OF_A_SENTENCE = 25
CHARACTERS_OF_AN_OPTION = 60


def strings_for_people(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the texts in a module that reach a person: those of errors, hints, help
    and everything in ``cli``.
    """
    module = ast.parse(path.read_text())
    is_cli = "cli" in path.parts
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if (
                name.endswith("Error")
                or name in ("Failed", "Setting", "Option", "_remote", "Shortage")
                or (is_cli and name)
            ):
                for part in [*node.args, *(word.value for word in node.keywords)]:
                    yield from _texts(part)
    # what `--help` shows of a command is its docstring
    for node in module.body if is_cli else ():
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.lineno, ast.get_docstring(node) or ""


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Constant)
            and isinstance(inner.value, str)
            and " " in inner.value
        ):
            yield inner.lineno, inner.value


def test_messages_and_help_use_the_usual_words() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in sorted((ROOT / "mltrack").rglob("*.py"))
        for line, text in strings_for_people(path)
        if NOT_SAID.search(text)
    }
    assert not found, "\n".join(sorted(found))


def test_documentation_uses_the_usual_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in DOCS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if NOT_SAID.search(line)
    ]
    assert not found, "\n".join(found)


def sentences(text: str) -> Iterator[str]:
    """Yields the sentences of a page: code is one word, a cell and an item end one, and
    so do a colon and a semicolon.
    """
    text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", text))
    for part in re.split(r"\n\s*\n|\n(?=\s*[-|#*] |\s*\d+\. )|\|", text):
        yield from re.split(r"(?<=[.!?:;])\s+", " ".join(part.split()))


def test_a_sentence_of_the_documentation_has_at_most_25_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in DOCS
        if path.name not in READ_SLOWLY
        for sentence in sentences(path.read_text())
        if len(sentence.split()) > WORDS_OF_A_SENTENCE
    ]
    assert not found, "\n".join(found)


def parameters() -> Iterator[tuple[str, str]]:
    """Yields every option and argument of every command, with its help."""
    for verb, entry in COMMANDS.items():
        command: Any = get_command(importlib.import_module(entry.module).app)
        for name, one in (getattr(command, "commands", None) or {"": command}).items():
            for parameter in one.params:
                about = getattr(parameter, "help", None) or ""
                yield f"{verb} {name} {parameter.name}", about


def test_help_for_an_option_has_at_most_60_characters() -> None:
    found = [
        f"{name}: {about}"
        for name, about in parameters()
        if len(about) > CHARACTERS_OF_AN_OPTION
    ]
    assert not found, "\n".join(found)


def test_a_first_example_is_there_for_every_command() -> None:
    for verb, entry in COMMANDS.items():
        command: Any = get_command(importlib.import_module(entry.module).app)
        for name, one in (getattr(command, "commands", None) or {"": command}).items():
            _, _, examples = (one.help or "").partition("Examples:\n")
            line = f"mltrack {verb} {name}".rstrip()
            first = examples.strip().partition("\n")[0]
            assert line in first, f"{line}: {first!r}"
