"""push sends what is missing and nothing else, from several clones at once, and fails
by name where it does not arrive.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.met import Met
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from tests.support.directories import (
    many_files,
    pull_elsewhere,
    two_versions,
)
from tests.support.memory_store import MemoryStore
from tests.support.workspace import Workspace


def test_a_second_push_sends_nothing_and_a_change_sends_only_what_changed(
    pushed: Workspace,
) -> None:
    assert "Everything is there already" in pushed.mltrack("push").out
    pushed.write("data/d0/0", "changed")
    pushed.mltrack("add", "data")
    dry = pushed.mltrack("push", "--dry-run", "--json").json
    assert dry["objects"] == 3  # the file, its directory, and the directory above
    assert pushed.mltrack("push", "--json").json["objects"] == 3


def test_pushing_from_two_clones_at_once_loses_nothing(
    pushed: Workspace, tmp_path: Path
) -> None:
    clones = [pushed.clone(tmp_path / name) for name in ("one", "two")]
    for number, clone in enumerate(clones):
        clone.mltrack("pull")
        clone.write(f"data/new{number}", f"by {number}")
        clone.mltrack("add", "data")
        clone.mltrack("push")
    for clone in clones:
        before = clone.files("data")
        shutil.rmtree(clone.path / "data")
        shutil.rmtree(clone.path / ".mltrack/cache")
        clone.mltrack("pull")
        assert clone.files("data") == before


def test_many_pushes_end_in_one_merged_index(shared: Workspace, tmp_path: Path) -> None:
    for number in range(35):
        shared.write("f", f"version {number}")
        shared.mltrack("add", "f")
        shared.mltrack("push")
    other = shared.path / ".mltrack/index/remotes"
    shutil.rmtree(other)
    assert "Everything is there already" in shared.mltrack("push").out
    hints = os.listdir(shared.path / ".mltrack/index/remotes/store")
    # all are still listed; the merged one supersedes the first 32
    assert len(hints) >= 33


def test_first_pushes_at_once_join_one_remote(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.commit()
    clones = [shared.clone(tmp_path / f"c{number}") for number in range(3)]
    for number, clone in enumerate(clones):
        clone.write(f"g{number}", f"{number}")
        clone.mltrack("add", f"g{number}")
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "-q", "push", f"g{number}"],
            cwd=clone.path,
            env=clone.environment,
        )
        for number, clone in enumerate(clones)
    ]
    assert {process.wait(120) for process in running} == {0}
    for clone in clones:
        clone.mltrack("push", clone.path.name.replace("c", "g"))


@pytest.mark.parametrize("directory", ["many", "data/deep/many"])
def test_a_directory_with_a_listing_above_1_mib_is_pushed_and_pulled(
    shared: Workspace, tmp_path: Path, directory: str
) -> None:
    many_files(shared, directory)
    shared.mltrack("add", directory.partition("/")[0])
    shared.mltrack("push")
    shared.mltrack("fsck", "--remote", "store")
    shared.commit()
    other = pull_elsewhere(shared, tmp_path / "other")
    assert other.files(directory) == shared.files(directory)


def test_a_listing_that_grows_above_1_mib_is_pushed_by_the_second_push(
    shared: Workspace, tmp_path: Path
) -> None:
    many_files(shared, "many", 10)
    shared.mltrack("add", "many")
    shared.mltrack("push")
    many_files(shared, "many")
    shared.mltrack("add", "many")
    shared.mltrack("push")
    shared.commit()
    assert pull_elsewhere(shared, tmp_path / "other").files("many") == shared.files(
        "many"
    )


def test_push_again_opens_no_tree_of_what_is_known_to_be_there(
    shared: Workspace,
) -> None:
    two_versions(shared)
    shared.mltrack("push")
    # if a tree were opened, this would be noticed
    shutil.rmtree(shared.path / ".mltrack/cache")
    assert "Everything is there already" in shared.mltrack("push").out


class Forgetful(MemoryStore):
    """A store whose packs are gone as soon as they were accepted."""

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        super().put_file(name, path, at_once=at_once)
        self.delete([name])

    def delete(self, names: Iterable[str]) -> None:
        super().delete(names)


def test_a_push_fails_by_name_where_a_store_does_not_keep_what_it_accepted(
    tmp_path: Path,
) -> None:
    cache = Cache(str(tmp_path / "cache"), XXH3)
    with CacheWriter(cache) as writer:
        digest = writer.put(b"bytes")
        writer.finish()
    remote = Remote("store", Forgetful(), XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    with pytest.raises(RemoteError, match=digest):
        push_contents(cache, remote, [Content(FILE, digest, 5)], lambda event: None)
