"""The code blocks of the docs, run as a reader would: one shell, from the first to the
last.
"""

import html
import re
from pathlib import Path

from tests.support.workspace import ROOT, Workspace, hermetic_environment

GROUPS = {"remote", "cache", "runner", "job", "stage", "params", "metrics", "plots"}
"""The verbs whose next word is a command of theirs."""


def commands(page: Path) -> list[str]:
    """Returns the commands of a page: the lines after ``$`` in console blocks, with
    here-documents whole.
    """
    found: list[str] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        lines = iter(block.splitlines())
        for line in lines:
            if line.startswith("$ "):
                command = line[2:]
                end = re.search(r"<<'(\w+)'", command)
                while end and not command.endswith("\n" + end[1]):
                    command += "\n" + next(lines)
                found.append(command)
    return found


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    ws = Workspace(tmp_path / "project", hermetic_environment(tmp_path / "home"))
    steps = commands(ROOT / "docs/tutorial/first-project.md")
    assert len(steps) > 40
    script = "set -eu\n" + "".join(
        f"echo '@@{number}'\n{step}\n" for number, step in enumerate(steps)
    )
    done = ws.run(["sh", "-c", script])
    assert done.code == 0, done.said[-3000:]
    said = re.split(r"@@(\d+)\n", done.out)
    shown = {
        steps[int(number)]: text
        for number, text in zip(said[1::2], said[2::2], strict=True)
    }
    assert (
        "error" in shown["mltrack metrics diff v1"]
        and "shrink" in shown["mltrack params diff v1"]
    )
    repros = [
        text
        for number, text in zip(said[1::2], said[2::2], strict=True)
        if steps[int(number)] == "mltrack repro"
    ]
    assert [text.strip() for text in repros] == [
        "2 stages: 2 ran",
        "2 stages: 2 unchanged",
        "2 stages: 2 ran",
        "2 stages: 2 restored",
        "2 stages: 2 restored",
        "2 stages: 2 unchanged",
    ]


def shape(line: str) -> str:
    """A line of output without what differs from machine to machine: its numbers and
    digests.
    """
    # of abbreviated commits only where one stands: seven such letters may be a word
    commits = r"(?<=^on )[0-9a-f]{7}\b|(?<=\()[0-9a-f]{10}(?=\))"
    return re.sub(
        rf"{commits}|\b[0-9a-f]{{40}}\b|[0-9a-f]{{32}}|\b[0-9a-f]{{12}}\b|[0-9][0-9.,]*",
        "#",
        line,
    ).strip()


def test_the_demo_works_and_says_what_the_readme_shows(tmp_path: Path) -> None:
    ws = Workspace(tmp_path, hermetic_environment(tmp_path / "home"))
    done = ws.run([str(ROOT / "examples/digits/demo.sh"), str(tmp_path / "demo")])
    assert done.code == 0, done.said[-3000:]
    for words in (
        "every byte is what it was at v2",
        "every byte is what it was at v1",
        "... and at v2 again",
    ):
        assert words in done.out
    said = {
        shape(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in done.said.splitlines()
    }
    tour = (
        (ROOT / "README.md")
        .read_text()
        .partition("## In sixty seconds")[2]
        .partition("## How it compares")[0]
    )
    for block in re.findall(r"```console\n(.*?)```", tour, re.DOTALL):
        for line in block.splitlines():
            if line.strip() not in ("", "...") and not line.lstrip().startswith("$"):
                assert shape(line) in said, (
                    f"the README shows {line!r}, which the demo does not say"
                )
    for line in drawn(ROOT / "docs/assets/session.svg"):
        assert line.startswith("$ ") or shape(line) in said, (
            f"the picture shows {line!r}: run docs/picture.py"
        )


def drawn(picture: Path) -> list[str]:
    """Returns the lines of a picture of a terminal; what is coloured is a piece."""
    found: dict[int, str] = {}
    pieces = re.findall(
        r"<text [^>]*url\(#session-line-(\d+)\)[^>]*>(.*?)</text>", picture.read_text()
    )
    for number, text in pieces:
        found[int(number)] = found.get(int(number), "") + html.unescape(text)
    return [
        line.replace("\xa0", " ").rstrip() for line in found.values() if line.strip()
    ]


def test_the_links_of_the_docs_lead_somewhere() -> None:
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_commands_of_the_guides_exist_with_the_options_that_they_use() -> None:
    ws = Workspace(ROOT, hermetic_environment(ROOT / "build"))
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    page = "".join(each.read_text() for each in pages)
    lines = [
        re.split("[#|>]", line)[0].split()
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    checked = 0
    for words in lines:
        if words[:1] != ["mltrack"]:
            continue
        group = words[1:3] if words[1] in GROUPS else words[1:2]
        shown = ws.mltrack(*group, "--help").out
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){option}\b", shown), (
                f"{' '.join(words)}: no option {option}"
            )
            checked += 1
    assert checked > 8


def test_every_kind_of_error_has_an_entry_in_the_guide() -> None:
    text = (ROOT / "docs/guides/trouble.md").read_text()
    entries = re.findall(r"^## (\S+)$", text, re.MULTILINE)
    table = (ROOT / "docs/reference/errors.md").read_text()
    assert sorted(entries) == sorted(re.findall(r"^\| \d+ \| `(\S+)` \|", table, re.M))
