"""Pages whose console blocks show what a terminal shows: results, progress and errors
in the order in which they come.
"""

import re
from pathlib import Path

import pytest

from tests.journeys.docs.test_docs import commands, shape
from tests.support.workspace import ROOT, Workspace, hermetic_environment

PAGES = [
    "index.md",
    "guides/sweeps.md",
    "guides/notebooks.md",
    "guides/environments.md",
]


def shown(page: Path) -> list[tuple[str, list[str]]]:
    """Returns the commands of a page, each with the lines that stand below it."""
    steps = commands(page)
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        rest = block
        while rest:
            step = steps[len(found)]
            _, rest = rest.split(f"$ {step}\n", 1)
            lines, mark, after = rest.partition("\n$ ")
            if rest.startswith("$ "):
                lines, mark, after = "", "\n$ ", rest[2:]
            found.append((step, lines.strip("\n").splitlines()))
            rest = f"$ {after}" if mark else ""
    assert len(found) == len(steps)
    return found


def fits(expected: list[str], said: list[str]) -> bool:
    """Whether lines are the expected ones, numbers and digests apart; ``...`` stands
    for any lines.
    """
    if not expected:
        return not said
    if expected[0].strip() == "...":
        return any(fits(expected[1:], said[skip:]) for skip in range(len(said) + 1))
    return (
        bool(said)
        and shape(expected[0]) == shape(said[0])
        and fits(expected[1:], said[1:])
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_a_terminal_shows(tmp_path: Path, name: str) -> None:
    """Every command ends well, and prints what stands below it, if anything does."""
    steps = shown(ROOT / "docs" / name)
    assert len(steps) > 3
    ws = Workspace(tmp_path, hermetic_environment(tmp_path / "home"))
    script = "exec 2>&1\nset -eu\n" + "".join(
        f"echo '@@{number}'\n{step}\n" for number, (step, _) in enumerate(steps)
    )
    # on a terminal a line of results does not wait for the end of the command
    done = ws.run(["sh", "-c", script], PYTHONUNBUFFERED="1")
    assert done.code == 0, done.said[-3000:]
    said = re.split(r"@@\d+\n", done.out)[1:]
    for (command, expected), text in zip(steps, said, strict=True):
        if expected:
            lines = text.strip("\n").splitlines()
            assert fits(expected, lines), f"$ {command}\n{text}"
