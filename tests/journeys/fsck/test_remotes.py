"""fsck of a remote finds damaged and lost packs, objects and indexes, and repairs them
from here.
"""

from pathlib import Path

from tests.support.directories import pull_elsewhere, two_versions
from tests.support.stored import corrupt, lose_index
from tests.support.workspace import Workspace


def test_fsck_of_a_remote_finds_and_repairs_packs_objects_and_indexes(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push", "--rev", "v1", "--rev", "HEAD")
    store = tmp_path / "store"
    assert "all whole" in two.mltrack("fsck", "--remote", "store").out
    victims = [
        next(
            path
            for path in (store / "packs").iterdir()
            if b"second version" in path.read_bytes()
        ),
        next(path for path in (store / "objects").rglob("*") if path.is_file()),
        next((store / "index").iterdir()),
    ]
    for path in victims:
        corrupt(
            path,
            path.read_bytes().index(b"second version") + 2
            if path.suffix == ".pack"
            else 40,
        )
    assert two.mltrack("fsck", "--remote", "store", code=7).out.count("damaged") >= 2
    two.mltrack("fsck", "--remote", "store", "--repair")
    assert "all whole" in two.mltrack("fsck", "--remote", "store").out
    for revision in ("v1", "HEAD"):
        other = two.clone(tmp_path / f"clone-{revision}")
        other.mltrack("fetch", "--rev", revision)


def test_a_pack_that_vanished_from_a_remote_is_sent_again_by_repair(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push")
    for path in (tmp_path / "store/packs").iterdir():
        path.unlink()
    two.mltrack("fsck", "--remote", "store", code=7)
    two.mltrack("fsck", "--remote", "store", "--repair")
    two.clone(tmp_path / "clone").mltrack("pull")


def test_repair_of_a_remote_reads_the_packs_where_an_index_is_lost(
    origin: Workspace,
) -> None:
    lose_index(origin)
    origin.mltrack("fsck", "--remote", "store", code=None)
    origin.mltrack("fsck", "--remote", "store", "--repair", code=None)
    origin.mltrack("pull")
    assert origin.read("d/1") == "1\n"


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
