"""What people read says it in the usual words: messages, hints, help texts and
documentation.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

NOT_SAID = re.compile(
    r"\b(is told|stands? (?:there|in the way|at|beside)|is to be had|are to be had|anew|as far as|all the same|takes ours back"
    r"|leaves? away|looks? (?:it )?through|makes? (?:\w+ )?be what|of its own|of their own|goes on|says something only"
    r"|not \w+ any more that|declared otherwise|split otherwise|nothing of|be what|more than nothing)\b"
)
"""Phrases that a reader in a hurry, or whose first language is another, has to read
twice.
"""
DOCS = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "internals" not in p.parts),
]


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
