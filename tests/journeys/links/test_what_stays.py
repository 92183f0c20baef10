"""What stays when tracking ends is the user's own: real, writable files that no gc and
no edit joins with the cache.
"""

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture(params=["hardlink", "symlink"])
def linked(ws: Workspace, request: pytest.FixtureRequest) -> Workspace:
    ws.mltrack("config", "--local", "cache.link", request.param)
    ws.mltrack("config", "--local", "gc.grace_days", "0")
    return ws


def relink(ws: Workspace) -> None:
    ws.mltrack("checkout", "--relink")


def is_own(path: Path) -> bool:
    """Whether a file shares its bytes with nobody and can be written."""
    return (
        not path.is_symlink()
        and path.stat().st_nlink == 1
        and bool(path.stat().st_mode & 0o200)
    )


def is_linked(path: Path) -> bool:
    return path.is_symlink() or path.stat().st_nlink > 1


def test_a_removed_file_is_its_owners_and_survives_gc(linked: Workspace) -> None:
    linked.write("model.bin", "precious\n")
    linked.mltrack("add", "model.bin")
    relink(linked)
    assert is_linked(linked.path / "model.bin")
    linked.mltrack("remove", "model.bin")
    linked.commit()
    linked.git("reflog", "expire", "--expire=now", "--all")
    linked.mltrack("gc")
    assert linked.read("model.bin") == "precious\n"
    assert is_own(linked.path / "model.bin")


LARGE = b"precious" * (1 << 18)


def test_a_removed_directory_is_its_owners_to_the_last_file(linked: Workspace) -> None:
    for path in ("d/a", "d/sub/deep/b", "d/other/c"):
        linked.write(path, LARGE)
    linked.write("d/tool", "#!/bin/sh\n").chmod(0o755)
    (linked.path / "d/link").symlink_to("sub/deep/b")
    (linked.path / "d/dangling").symlink_to("nowhere")
    linked.mltrack("add", "d")
    relink(linked)
    linked.mltrack("remove", "d")
    for path in ("d/a", "d/sub/deep/b", "d/other/c", "d/tool"):
        assert is_own(linked.path / path), path
    assert os.readlink(linked.path / "d/link") == "sub/deep/b"
    assert os.readlink(linked.path / "d/dangling") == "nowhere"
    assert linked.path.joinpath("d/tool").stat().st_mode & 0o100
    (linked.path / "d/a").write_text("changed in place")  # the cache keeps what it had
    linked.mltrack("fsck")


def test_what_the_links_lead_to_is_kept_after_the_setting_changed_back(
    linked: Workspace,
) -> None:
    linked.write("d/a", LARGE)
    linked.mltrack("add", "d")
    relink(linked)
    linked.mltrack("config", "--local", "cache.link", "copy")
    linked.mltrack("remove", "d")
    assert is_own(linked.path / "d/a")
    assert (linked.path / "d/a").read_bytes() == LARGE


STAGES = "stages:\n  s: {cmd: 'mkdir -p o; echo 1 > o/1; cp o/1 p', outs: [o, p]}\n"


@pytest.mark.parametrize(
    "after",
    [
        "stages: {}\n",
        (
            "stages:\n  s: {cmd: 'mkdir -p o; echo 1 > o/1; cp o/1 p', "
            "outs: [{o: {cache: false}}, {p: {cache: false}}]}\n"
        ),
        "stages:\n  t: {cmd: 'echo t > t', outs: [t]}\n",
    ],
    ids=["no stage", "left to git", "another stage"],
)
def test_outputs_whose_stage_goes_are_their_owners(
    linked: Workspace, after: str
) -> None:
    linked.write("mltrack.yaml", STAGES)
    linked.mltrack("repro")
    relink(linked)
    assert is_linked(linked.path / "o/1") and is_linked(linked.path / "p")
    linked.write("mltrack.yaml", after)
    linked.mltrack("repro")
    linked.commit()
    linked.git("reflog", "expire", "--expire=now", "--all")
    linked.mltrack("gc")
    for path in ("o/1", "p"):
        assert linked.read(path) == "1\n"
        assert is_own(linked.path / path), path


def test_the_output_of_an_item_that_goes_is_its_owners(linked: Workspace) -> None:
    text = "stages:\n  s:\n    foreach: [{}]\n    do: {{cmd: 'echo ${{item}} > ${{item}}.out', outs: ['${{item}}.out']}}\n"
    linked.write("mltrack.yaml", text.format("a, b"))
    linked.mltrack("repro")
    relink(linked)
    linked.write("mltrack.yaml", text.format("a"))
    linked.mltrack("repro")
    assert is_own(linked.path / "b.out") and linked.read("b.out") == "b\n"
    assert is_linked(linked.path / "a.out")


def test_an_output_that_got_another_name_is_its_owners_under_the_old_one(
    linked: Workspace,
) -> None:
    linked.write("in", "1\n")
    linked.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > old, deps: [in], outs: [old]}\n"
    )
    linked.mltrack("repro")
    relink(linked)
    linked.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > new, deps: [in], outs: [new]}\n"
    )
    linked.mltrack("repro")
    assert is_own(linked.path / "old") and linked.read("old") == "1\n"


def test_an_output_whose_stage_is_recorded_by_hand_under_another_name_is_its_owners(
    linked: Workspace,
) -> None:
    linked.write("in", "1\n")
    linked.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > old, deps: [in], outs: [old]}\n"
    )
    linked.mltrack("repro")
    relink(linked)
    linked.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > new, deps: [in], outs: [new]}\n"
    )
    linked.write("new", "1\n")
    linked.mltrack("commit", "s")
    assert is_own(linked.path / "old") and linked.read("old") == "1\n"


def test_a_moved_target_stays_a_link_and_is_its_owners_once_it_is_removed(
    linked: Workspace,
) -> None:
    linked.write("d/a", LARGE)
    linked.mltrack("add", "d")
    relink(linked)
    linked.mltrack("move", "d", "e")
    assert is_linked(linked.path / "e/a")
    linked.mltrack("remove", "e")
    assert is_own(linked.path / "e/a")


def test_a_removed_file_whose_object_is_damaged_is_not_taken_for_whole(
    linked: Workspace,
) -> None:
    linked.write("f", "precious\n")
    linked.mltrack("add", "f")
    relink(linked)
    (item,) = [
        path
        for path in (linked.path / ".mltrack/cache/loose").rglob("*")
        if path.is_file()
    ]
    item.chmod(0o644)
    item.write_text("damaged.\n")
    linked.mltrack("remove", "f", code=None)
    assert linked.exists("f")  # whatever is there stays there
