"""What a remote lost is seen, by whom it concerns, and sent again."""

import shutil
from pathlib import Path

import pytest

from tests.support.directories import (
    many_files,
    pull_elsewhere,
    two_versions,
)
from tests.support.workspace import Workspace


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


def test_what_was_lost_in_a_remote_is_sent_again(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("data/a", "x")
    shared.write("big", bytes(1 << 20))
    shared.mltrack("add", "data", "big")
    shared.mltrack("push")
    for lost in [
        *(tmp_path / "store/packs").iterdir(),
        *(tmp_path / "store/objects").glob("*/*"),
    ]:
        lost.unlink()
    assert shared.mltrack("push", "--json").json["objects"] == 3
    other = shared.path.parent / "other"
    shared.commit()
    clone = shared.clone(other)
    clone.mltrack("pull")
    assert clone.read("data/a") == "x"


def test_an_index_that_was_cut_short_is_sent_again_by_push(
    origin: Workspace, tmp_path: Path
) -> None:
    for index in (tmp_path / "store/index").iterdir():
        index.chmod(0o644)
        index.write_bytes(index.read_bytes()[:-1])
    origin.mltrack("drop", "d", code=None)
    origin.mltrack("push", code=None)
    other = origin.clone(tmp_path / "other")
    other.mltrack("pull")
    assert other.read("d/1") == "1\n"


def test_push_of_a_clone_without_the_data_sees_that_the_remote_lost_it(
    origin: Workspace, clone: Workspace
) -> None:
    for pack in (origin.path.parent / "store/packs").iterdir():
        if b"mltrack-tree" not in pack.read_bytes():
            pack.unlink()
    clone.mltrack("push", code=1)
    origin.mltrack("push")
    clone.mltrack("pull")
    assert clone.read("d/1") == "1\n"


@pytest.mark.parametrize(
    "command", [["push"], ["push", "--all-branches"]], ids=" ".join
)
def test_push_of_a_clone_without_a_listing_sees_that_the_remote_lost_one_below(
    origin: Workspace, clone: Workspace, command: list[str]
) -> None:
    """That the remote has the listing at the top says nothing of those below."""
    store = origin.path.parent / "store/packs"
    before = set(store.iterdir())
    origin.write("d/4", "4\n")  # another listing at the top, and the same below
    origin.mltrack("add", "d")
    origin.commit("more")
    origin.mltrack("push")
    origin.git("push", "--quiet")
    clone.git("pull", "--quiet", MLTRACK_HOOKS="0")
    for pack in before:
        if b"mltrack-tree" in pack.read_bytes():
            pack.unlink()
    clone.mltrack(*command, code=1)
    origin.mltrack(*command)
    clone.mltrack(*command)
    clone.mltrack("pull")
    assert clone.read("d/sub/3") == "sub/3\n"
