"""fsck of the cache finds damage and what is missing; with --repair it mends what it
can, else it changes nothing.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.steps import begin_pipeline
from tests.support.stored import LARGE, corrupt, loose, packs
from tests.support.workspace import Workspace


def test_fsck_finds_flipped_bytes_and_repairs_from_the_workspace(
    two: Workspace,
) -> None:
    assert "all whole" in two.mltrack("fsck").out
    data = next(path for path in loose(two) if path.read_bytes() == LARGE[::-1])
    corrupt(data)
    for path in packs(two):
        if b"second version" in path.read_bytes():
            corrupt(path, path.read_bytes().index(b"second version") + 3)
    found = two.mltrack("fsck", "--json", code=7).json
    assert len(found["problems"]) == 2 and not found["clean"]
    assert "2 repaired" in two.mltrack("fsck", "--repair").out
    assert "all whole" in two.mltrack("fsck").out
    assert list((two.path / ".mltrack/cache/quarantine").iterdir()), (
        "damaged bytes were deleted"
    )
    shutil.rmtree(two.path / "data")
    two.mltrack("checkout")
    assert two.read("data/0") == "second version"


def test_fsck_repairs_from_a_remote_and_says_what_it_cannot(two: Workspace) -> None:
    two.mltrack("push")
    shutil.rmtree(two.path / "data")
    for path in loose(two):
        corrupt(path)
    # the first version's file is nowhere else
    result = two.mltrack("fsck", "--repair", code=7)
    assert "1 damaged, 1 repaired" in result.out
    assert "counts as absent now" in result.err
    two.mltrack("checkout")
    assert (two.path / "data/big").read_bytes() == LARGE[::-1]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def assert_repaired(ws: Workspace) -> None:
    """The damage is seen, repair mends it, and every byte comes back."""
    shutil.rmtree(ws.path / "d")
    ws.mltrack("fsck", code=7)
    ws.mltrack("fsck", "--repair", code=None)
    ws.mltrack("fsck")
    ws.mltrack("checkout")
    assert (ws.read("d/1"), ws.read("d/2")) == ("one\n", "two\n")


@pytest.mark.parametrize("from_end", [1, 20, 60, 100])
def test_a_pack_whose_own_index_is_damaged_is_repaired_by_the_one_beside_it(
    ws: Workspace, from_end: int
) -> None:
    ws.write("d/1", "one\n")
    ws.write("d/2", "two\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        flip(pack, -from_end)
    assert_repaired(ws)


@pytest.mark.parametrize("at", [0, 7, 8, 11, 12, 13, 14, 15])
def test_a_pack_whose_head_is_damaged_is_repaired(ws: Workspace, at: int) -> None:
    ws.write("d/1", "one\n")
    ws.write("d/2", "two\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        flip(pack, at)
    assert_repaired(ws)


def test_repair_brings_damaged_files_and_listings_back_from_a_remote(
    origin: Workspace,
) -> None:
    for pack in packs(origin):
        for at in range(20, pack.stat().st_size - 100, 30):
            flip(pack, at)
    shutil.rmtree(origin.path / "d")
    origin.mltrack("fsck", code=7)
    origin.mltrack("fsck", "--repair", code=None)
    origin.mltrack("fsck")
    origin.mltrack("checkout")
    assert origin.read("d/sub/3") == "sub/3\n"


def test_what_was_set_aside_and_is_whole_again_is_no_damage(ws: Workspace) -> None:
    ws.write("d/1", "one\n")
    ws.mltrack("add", "d")
    with_more = packs(ws)[0]
    with_more.chmod(0o644)
    with_more.write_bytes(with_more.read_bytes() + b"x")
    ws.mltrack("fsck", code=7)
    ws.mltrack("fsck", "--repair")
    ws.mltrack("fsck")
    ws.mltrack("fsck", "--repair")


def test_fsck_that_is_not_to_repair_changes_nothing(ws: Workspace) -> None:
    ws.write("d/1", "1\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        for at in range(20, pack.stat().st_size - 100, 30):
            flip(pack, at)
    before = ws.files(".mltrack/cache")
    for _ in range(2):
        ws.mltrack("fsck", code=7)
    assert ws.files(".mltrack/cache") == before


def test_fsck_does_not_miss_results_of_others_that_a_remote_holds(
    shared: Workspace, tmp_path: Path
) -> None:
    begin_pipeline(shared)
    for word in ("first", "second"):
        shared.write("params.yaml", f"word: {word}\n")
        shared.mltrack("repro")
        shared.mltrack("push")
    shared.commit("second")
    other = shared.clone(tmp_path / "other")
    other.mltrack("pull")
    assert other.mltrack("fsck", "--json").json["lacking"] == []


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
