"""With links to the cache: an object is compared before it is linked, and what somebody
can still write is no object.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture(params=["hardlink", "symlink"])
def linked(ws: Workspace, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    ws.mltrack("config", "--local", "cache.link", request.param)
    yield ws


def damage(ws: Workspace) -> None:
    """Other bytes of the same size, with the times of before."""
    for path in (ws.path / ".mltrack/cache/loose").rglob("*"):
        if path.is_file():
            stat = path.stat()
            path.chmod(0o644)
            path.write_bytes(b"x" * stat.st_size)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            path.chmod(0o444)


def test_a_damaged_object_is_not_checked_out(linked: Workspace) -> None:
    linked.write("f", "precious\n")
    linked.mltrack("add", "f")
    (linked.path / "f").unlink()
    damage(linked)
    linked.mltrack("checkout", code=7)
    assert not linked.exists("f")


def test_a_damaged_object_is_not_put_in_place_of_a_whole_copy(
    linked: Workspace,
) -> None:
    linked.mltrack("config", "--local", "cache.link", "copy")
    linked.write("f", b"precious" * (1 << 18))
    linked.mltrack("add", "f")
    damage(linked)
    linked.mltrack("config", "--local", "cache.link", "hardlink")
    linked.mltrack("checkout", "--relink", code=None)
    assert (linked.path / "f").read_bytes() == b"precious" * (1 << 18)


def test_a_damaged_object_is_not_restored_as_an_output(linked: Workspace) -> None:
    linked.write("mltrack.yaml", "stages:\n  s: {cmd: echo right > o, outs: [o]}\n")
    linked.mltrack("repro")
    (linked.path / "o").unlink()
    damage(linked)
    linked.mltrack("repro", code=None)
    linked.mltrack("repro")
    assert linked.read("o") == "right\n"


def test_add_of_whole_bytes_mends_a_damaged_object(linked: Workspace) -> None:
    linked.write("f", "precious\n")
    linked.mltrack("add", "f")
    (linked.path / "f").unlink()
    damage(linked)
    linked.write("g", "precious\n")
    linked.mltrack("add", "g")
    (linked.path / "g").unlink()
    linked.mltrack("checkout", code=None)
    assert linked.exists("g") and linked.read("g") == "precious\n"


@pytest.mark.parametrize("mode", ["ab", "r+b"])
@pytest.mark.parametrize("path", ["f", "d/deep/f"])
def test_a_file_that_is_open_for_writing_does_not_become_the_object(
    linked: Workspace, path: str, mode: str
) -> None:
    linked.write(path, "precious\n")
    with open(linked.path / path, mode) as file:
        linked.mltrack("add", path.split("/")[0])
        file.write(b"later\n")
    assert "later" in linked.read(path)
    linked.mltrack("fsck")
    (item,) = linked.mltrack("status", "--json").json["data"]
    assert item["state"] == "modified"
    linked.mltrack("checkout", "--force")
    assert linked.read(path) == "precious\n"


def test_an_output_that_somebody_still_writes_does_not_become_the_object(
    linked: Workspace, tmp_path: Path
) -> None:
    for name in ("ready", "go", "gone"):
        os.mkfifo(tmp_path / name)
    late = f"(exec 7>>o; : > {tmp_path}/ready; : < {tmp_path}/go; echo late >&7; : > {tmp_path}/gone) > /dev/null 2>&1 &"
    linked.write(
        "mltrack.yaml",
        f"stages:\n  s:\n    cmd: 'echo one > o; setsid sh -c \"{late}\"; : < {tmp_path}/ready'\n    outs: [o]\n",
    )
    linked.mltrack("repro")
    try:
        descriptor = os.open(tmp_path / "go", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # it was ended with its stage
        return
    os.close(descriptor)
    (tmp_path / "gone").read_text()
    linked.mltrack("fsck")


@pytest.mark.parametrize("command", ["ln in o", "cp -l in o", "ln in t; mv t o"])
def test_an_output_that_is_another_name_of_an_input_leaves_the_input_its_owners(
    linked: Workspace, command: str
) -> None:
    linked.write("in", "1\n")
    linked.write(
        "mltrack.yaml", f"stages:\n  s: {{cmd: {command}, deps: [in], outs: [o]}}\n"
    )
    linked.mltrack("repro")
    assert (linked.path / "in").stat().st_mode & 0o200
    with open(linked.path / "in", "a") as file:
        file.write("2\n")
    linked.mltrack("fsck")
    linked.mltrack("repro")
    assert linked.read("o") == "1\n2\n"


def test_names_of_one_file_inside_an_output_and_outside_are_no_object(
    linked: Workspace,
) -> None:
    linked.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: mkdir o; echo 1 > o/a; ln o/a o/b; ln o/a ../out, outs: [o]}\n",
    )
    linked.mltrack("repro")
    with open(linked.path.parent / "out", "a") as file:
        file.write("2\n")
    linked.mltrack("fsck")
    linked.mltrack("status", "--check", code=4)


def test_a_file_that_has_another_name_elsewhere_does_not_become_the_object(
    linked: Workspace,
) -> None:
    linked.write("f", "1\n")
    os.link(linked.path / "f", linked.path.parent / "elsewhere")
    linked.mltrack("add", "f")
    with open(linked.path.parent / "elsewhere", "a") as file:
        file.write("2\n")
    linked.mltrack("fsck")


def test_a_file_whose_other_name_is_in_the_same_directory_is_added_whole(
    linked: Workspace,
) -> None:
    linked.write("d/a", "1\n")
    os.link(linked.path / "d/a", linked.path / "d/b")
    linked.mltrack("add", "d")
    (linked.path / "d/a").chmod(0o644)
    with open(linked.path / "d/a", "a") as file:
        file.write("2\n")
    linked.mltrack("fsck", code=None)
    linked.mltrack("checkout", "--force", code=None)
    assert linked.read("d/b") == "1\n"
