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
    "tutorial/first-project.md",
    "guides/merging.md",
    "guides/other-projects.md",
    "guides/disk-space.md",
    "guides/from-dvc.md",
    "guides/logging.md",
    "guides/experiments.md",
    "guides/sweeps.md",
    "guides/notebooks.md",
    "guides/environments.md",
    "guides/trouble.md",
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
    """Every command prints what stands below it; one below which nothing stands ends
    well.
    """
    steps = shown(ROOT / "docs" / name)
    assert len(steps) > 3
    (tmp_path / "me").mkdir()
    ws = Workspace(tmp_path / "me", hermetic_environment(tmp_path / "home"))
    script = "exec 2>&1\n" + "".join(f"{step}\necho @@$?\n" for step, _ in steps)
    # on a terminal a line of results does not wait for the end of the command
    done = ws.run(["sh", "-c", script], PYTHONUNBUFFERED="1")
    said = re.split(r"@@(\d+)\n", done.out)
    ended = zip(steps, said[0::2], said[1::2], strict=False)
    for (command, expected), text, code in ended:
        lines = text.replace(str(tmp_path), "/home").strip("\n").splitlines()
        if expected:
            assert fits(expected, lines), f"$ {command}\n{text}"
        else:
            assert code == "0", f"$ {command}\n{text}"
    assert len(said) == 2 * len(steps) + 1, done.said[-1000:]
