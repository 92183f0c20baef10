"""The man pages say what `--help` says, and are roff that man programs take."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mltrack.cli.commands import COMMANDS
from tests.support.workspace import ROOT, Workspace

MANPAGES = ROOT / "docs/manpages.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, MANPAGES, place], cwd=ROOT, check=True)
    return place


def plain(page: Path) -> str:
    """The words of a page, without what roff makes of them."""
    return re.sub(r"\\f[BR]|\\&", "", page.read_text()).replace(r"\-", "-")


def test_every_command_has_a_page_and_the_first_page_names_it(pages: Path) -> None:
    first = plain(pages / "mltrack.1")
    for verb in COMMANDS:
        assert (pages / f"mltrack-{verb}.1").exists() and f"mltrack-{verb}(1)" in first


@pytest.mark.parametrize("verb", ["add", "repro", "remote", "job"])
def test_a_page_has_the_options_and_examples_of_the_help(
    ws: Workspace, pages: Path, verb: str
) -> None:
    page = plain(pages / f"mltrack-{verb}.1")
    shown = ws.mltrack(verb, "--help").out
    names = re.findall(r"^  (\w+) ", shown.partition("Commands:")[2], re.MULTILINE)
    for name in names or [""]:
        words = [verb, name] if name else [verb]
        shown = ws.mltrack(*words, "--help").out
        options = re.findall(r"^ +(?:-\w, )?(--[\w-]+)", shown, re.MULTILINE)
        examples = re.findall(r"^    (mltrack .*)", shown, re.MULTILINE)
        assert options and examples
        assert not [each for each in (*options, *examples) if each not in page]


def test_no_line_of_a_text_is_taken_for_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(MANPAGES.parent))
    roff = importlib.import_module("manpages").roff
    assert roff(".mltrack/cache\n'x' a\\b `c-d`") == (
        r"\&.mltrack/cache" + "\n" + r"\&'x' a\eb \fBc\-d\fR"
    )


def test_mandoc_takes_the_pages(pages: Path) -> None:
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *sorted(pages.glob("*.1"))],
        capture_output=True,
        text=True,
        check=False,
    )
    # without a date the same sources make the same page
    said = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert not said, "\n".join(said)
