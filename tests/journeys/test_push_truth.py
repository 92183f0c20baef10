"""Push says what is so: what it sent can be pulled, and what a remote lost is seen and
sent again.
"""

import shutil
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
from tests.support.memory_store import MemoryStore
from tests.support.workspace import Workspace

LONG_NAMES = 4_400
"""So many files with names of 220 bytes make a listing of more than 1 MiB."""


def many_files(ws: Workspace, directory: str, count: int = LONG_NAMES) -> None:
    (ws.path / directory).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (ws.path / directory / f"{number:05d}-{'x' * 214}").write_bytes(b"%d" % number)


def pull_elsewhere(ws: Workspace, to: Path) -> Workspace:
    """A colleague's clone, with the data."""
    other = ws.clone(to)
    other.mltrack("pull")
    return other


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


def two_versions(ws: Workspace) -> None:
    """Two pushes, of which the second relies on what the first sent."""
    for number in range(5):
        ws.write(f"data/{number}", f"file {number}\n")
        ws.write(f"data/a/b/{number}", f"below {number}\n")
    ws.mltrack("add", "data")
    ws.mltrack("push")
    ws.write("data/1", "changed\n")
    ws.mltrack("add", "data")


def lose_index(store: Path, before: set[Path]) -> None:
    for path in before:
        path.unlink()


def lose_trees(store: Path, before: set[Path]) -> None:
    for path in (store / "packs").iterdir():
        if path.read_bytes()[14:16] == b"\0\1":
            path.unlink()


def lose_objects(store: Path, before: set[Path]) -> None:
    shutil.rmtree(store / "packs")


@pytest.mark.parametrize("lose", [lose_index, lose_trees, lose_objects])
@pytest.mark.parametrize("knows", ["the clone that pushed", "another clone"])
def test_what_a_remote_lost_is_seen_by_status_and_fsck_and_sent_again_by_push(
    shared: Workspace, tmp_path: Path, lose: object, knows: str
) -> None:
    store = tmp_path / "store"
    two_versions(shared)
    before = set((store / "index").iterdir())
    shared.mltrack("push")
    shared.commit()
    clone = pull_elsewhere(shared, tmp_path / "clone")
    assert callable(lose)
    lose(store, before)
    pusher = shared if knows == "the clone that pushed" else clone
    assert pusher.mltrack(
        "status", "--remote", "store", "--check", code=4
    ).out.startswith("not pushed:")
    assert pusher.mltrack("fsck", "--remote", "store", code=None).code in (1, 7)
    assert pusher.mltrack("push").out.startswith("pushed ")
    assert pull_elsewhere(shared, tmp_path / "third").files("data") == shared.files(
        "data"
    )
    pusher.mltrack("fsck", "--remote", "store")


def test_a_truncated_listing_on_a_remote_is_sent_again(
    shared: Workspace, tmp_path: Path
) -> None:
    many_files(shared, "many")
    shared.mltrack("add", "many")
    shared.mltrack("push")
    shared.commit()
    (listing,) = (
        path for path in (tmp_path / "store/objects").rglob("*") if path.is_file()
    )
    listing.chmod(0o644)
    listing.write_bytes(listing.read_bytes()[:-1000])
    shared.mltrack("status", "--remote", "store", "--check", code=4)
    shared.mltrack("fsck", "--remote", "store", code=7)
    assert "pushed 1 object" in shared.mltrack("push").out
    assert pull_elsewhere(shared, tmp_path / "other").files("many") == shared.files(
        "many"
    )


def test_repairing_a_remote_writes_a_lost_index_again(
    shared: Workspace, tmp_path: Path
) -> None:
    two_versions(shared)
    shared.mltrack("push")
    for path in (tmp_path / "store/index").iterdir():
        path.unlink()
    shared.mltrack("fsck", "--remote", "store", code=1)
    shared.mltrack("fsck", "--remote", "store", "--repair")
    shared.commit()
    assert pull_elsewhere(shared, tmp_path / "other").files("data") == shared.files(
        "data"
    )


def test_push_again_opens_no_tree_of_what_is_known_to_be_there(
    shared: Workspace,
) -> None:
    two_versions(shared)
    shared.mltrack("push")
    # if a tree were opened, this would be noticed
    shutil.rmtree(shared.path / ".mltrack/cache")
    assert "Everything is there already" in shared.mltrack("push").out


def test_fsck_ends_with_1_where_a_pointer_names_an_object_that_is_not_there(
    ws: Workspace,
) -> None:
    ws.write("data/a", "a")
    ws.write("b.bin", "b")
    ws.mltrack("add", "data", "b.bin")
    ws.mltrack("fsck")
    shutil.rmtree(ws.path / ".mltrack/cache")
    said = ws.mltrack("fsck", code=1).out
    assert "absent    b.bin" in said and "absent    data" in said


def test_fsck_ends_with_1_where_a_run_record_names_an_output_that_is_nowhere(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: head -c 2000000 /dev/zero > o, outs: [o]}\n",
    )
    ws.mltrack("repro")
    ws.write("mltrack.yaml", "stages:\n  a: {cmd: echo 2 > o, outs: [o]}\n")
    ws.mltrack("repro")
    ws.mltrack("fsck")
    shutil.rmtree(ws.path / ".mltrack/cache/loose")
    assert "absent    run of a" in ws.mltrack("fsck", code=1).out


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


@pytest.mark.parametrize("before", ["nothing there", "the data there", "all there"])
def test_a_dry_run_says_what_the_push_then_sends(
    shared: Workspace, before: str
) -> None:
    """Outputs of run records and their logs go along."""
    shared.write("d/1", "1\n")
    shared.mltrack("add", "d")
    if before == "the data there":
        shared.mltrack("push")
    shared.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: 'echo told; cat d/1 > o', deps: [d], outs: [o]}\n",
    )
    shared.mltrack("repro")
    shared.write("d/1", "2\n")
    shared.mltrack("add", "d")
    shared.mltrack("repro")
    if before == "all there":
        shared.mltrack("push")
    files = shared.files()
    would = shared.mltrack("push", "--dry-run", "--json").json
    assert shared.files() == files
    did = shared.mltrack("push", "--json").json
    assert (would["objects"], would["records"]) == (did["objects"], did["records"])
    assert did["objects"] > 1 or before == "all there"


def test_a_dry_run_says_what_the_fetch_then_brings(
    shared: Workspace, tmp_path: Path
) -> None:
    """The listings of directories are here then: without them nobody could tell."""
    for name in ("d/1", "d/sub/2", "e"):
        shared.write(name, f"{name}\n")
    shared.mltrack("add", "d", "e")
    shared.commit()
    shared.mltrack("push")
    clone = shared.clone(tmp_path / "one")
    would = clone.mltrack("fetch", "--dry-run", "--json").json
    did = clone.mltrack("fetch", "--json").json
    assert (would["objects"], would["bytes"]) == (did["objects"], did["bytes"])
