"""What git says of how far it is reaches who watches, and no error is lost in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.errors import GitError
from mltrack.events import meter
from mltrack.git import source
from mltrack.git.command import run_telling
from tests.support.workspace import Workspace


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was told, where somebody watches."""
    lines: list[str] = []
    monkeypatch.setattr(source, "_told", lines.append)
    meter.is_watched = True
    yield lines
    meter.is_watched = False


def test_what_git_brings_is_told_as_it_comes(
    theirs: Workspace, tmp_path: Path, told: list[str]
) -> None:
    kept = source.keep(f"file://{theirs.path}", str(tmp_path / "sources"))
    assert kept.commit("v1") == theirs.git("rev-parse", "v1").out.strip()
    assert any(line.startswith("Receiving objects:") for line in told)
    # nothing is told any more once it is over
    assert told[-1] == ""


def test_an_error_is_told_as_without_somebody_who_watches(
    theirs: Workspace, tmp_path: Path, told: list[str]
) -> None:
    kept = source.keep(f"file://{theirs.path}", str(tmp_path / "sources"))
    with pytest.raises(GitError, match="there is no revision 'nosuch'"):
        kept.commit("nosuch")
    (theirs.path / ".git").rename(theirs.path / "gone")
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        kept.commit("v1")


def test_many_words_to_git_and_many_from_it_do_not_wait_for_each_other(
    theirs: Workspace,
) -> None:
    lines: list[str] = []
    # more than a pipe holds
    asked = b"HEAD\n" * 100_000
    run_telling(
        ["cat-file", "--batch-check"], str(theirs.path), lines.append, data=asked
    )
    refused = b"update refs/heads/x nosuch\n"
    with pytest.raises(GitError, match="git update-ref failed: fatal"):
        run_telling(
            ["update-ref", "--stdin"], str(theirs.path), lines.append, data=refused
        )


def test_an_address_sets_nothing_but_itself(theirs: Workspace, tmp_path: Path) -> None:
    address = f'file://{theirs.path}/a"b\\c;d\n[core]\n\thooksPath = /x\té'
    kept = source.keep(address, str(tmp_path / "sources"))
    asked = ("-C", kept.path, "config", "-z")
    assert theirs.git(*asked, "remote.origin.url").out == address + "\0"
    assert theirs.git(*asked, "core.hooksPath", code=1).out == ""
    assert theirs.git(*asked, "core.repositoryformatversion").out == "1\0"
