"""A worktree as a tree of git's."""

import os
import time
from pathlib import Path

import pytest

from mltrack.git import repository, snapshot
from mltrack.git.command import run
from tests.support.workspace import Workspace


@pytest.fixture
def worktree(bare: Workspace) -> Workspace:
    bare.write("file", "aa\n")
    bare.commit("one")
    return bare


def test_a_file_that_changed_in_the_second_of_the_index_is_seen(
    worktree: Workspace, tmp_path: Path
) -> None:
    """git itself looks at the bytes of what is as young as the index: so must whoever
    asks it by a copy.
    """
    moment = int(time.time()) - 100
    place, index = worktree.path / "file", worktree.path / ".git/index"
    os.utime(place, (moment, moment))
    worktree.git("add", "file")
    os.utime(index, (moment, moment))
    place.write_text("bb\n")
    os.utime(place, (moment, moment))
    found = repository.find(str(worktree.path))
    assert found is not None
    tree = snapshot.worktree_tree(found, str(tmp_path / "aside"))
    assert run(["show", f"{tree}:file"], str(worktree.path)) == b"bb\n"
    # the person's own index is as it was
    assert index.stat().st_mtime == moment
