"""A damaged object is noticed before its bytes are used, and mended by whoever has them
whole.
"""

import os
import shutil
from pathlib import Path

from tests.support.stored import age
from tests.support.workspace import Workspace


def test_a_damaged_object_is_set_aside_and_fetched_again(pushed: Workspace) -> None:
    loose = next((pushed.path / ".mltrack/cache/loose").rglob("*/*"))
    loose.chmod(0o644)
    loose.write_bytes(b"\1" + loose.read_bytes()[1:])
    (pushed.path / "big.bin").unlink()
    assert "damaged" in pushed.mltrack("checkout", "big.bin", code=7).err
    assert not pushed.exists("big.bin")
    pushed.mltrack("pull", "big.bin")
    assert pushed.read("big.bin") == "\0" * (2 << 20)


def test_a_damaged_pack_is_noticed_before_its_bytes_are_used(pushed: Workspace) -> None:
    for path in (pushed.path / ".mltrack/cache/packs").glob("*.pack"):
        data = path.read_bytes()
        if b"file 7" in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(b"file 7", b"file X"))
    shutil.rmtree(pushed.path / "data")
    assert pushed.mltrack("checkout", code=7).err
    pushed.mltrack("pull")
    assert pushed.read("data/d1/7") == "file 7"


def test_a_damaged_remote_never_enters_the_cache(
    pushed: Workspace, tmp_path: Path
) -> None:
    for path in (tmp_path / "store/packs").glob("*.pack"):
        data = path.read_bytes()
        if b"file 7" in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(b"file 7", b"file X"))
    other = pushed.clone(tmp_path / "clone")
    said = other.mltrack("pull", "data", code=3).err
    assert "does not match" in said and "data/d1/7" in said
    expected = {
        path: text for path, text in pushed.files("data").items() if path != "data/d1/7"
    }
    assert other.files("data") == expected


def corrupt(ws: Workspace, old: bytes, new: bytes) -> None:
    for path in (ws.path / ".mltrack/cache/packs").glob("*.pack"):
        data = path.read_bytes()
        if old in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(old, new))


def test_add_repairs_a_damaged_object_from_the_workspace(ws: Workspace) -> None:
    ws.write("d", "hello-bytes")
    ws.mltrack("add", "d")
    corrupt(ws, b"hello-bytes", b"hellO-bytes")
    (ws.path / "d").rename(ws.path / "kept")
    ws.mltrack("checkout", code=7)
    (ws.path / "kept").rename(ws.path / "d")
    ws.mltrack("add", "d")
    (ws.path / "d").unlink()
    ws.mltrack("checkout")
    assert ws.read("d") == "hello-bytes"


def test_pull_repairs_a_damaged_object_from_a_remote(shared: Workspace) -> None:
    shared.write("d", "hello-bytes")
    shared.mltrack("add", "d")
    shared.mltrack("push")
    corrupt(shared, b"hello-bytes", b"hellO-bytes")
    (shared.path / "d").unlink()
    shared.mltrack("checkout", code=7)
    shared.mltrack("pull")
    assert shared.read("d") == "hello-bytes"


def test_gc_keeps_the_whole_copy_of_an_object_that_is_damaged_elsewhere(
    ws: Workspace,
) -> None:
    ws.write("a/x", "XOBJECT-bytes")
    ws.write("a/y", os.urandom(5000))
    ws.mltrack("add", "a")
    ws.commit()
    corrupt(ws, b"XOBJECT", b"xOBJECT")
    (ws.path / "a/x").unlink()
    ws.mltrack("checkout", code=7)
    ws.write("b/x", "XOBJECT-bytes")
    ws.write("b/junk", os.urandom(90000))
    ws.mltrack("add", "b")
    ws.mltrack("checkout")
    (ws.path / "b/junk").unlink()
    ws.mltrack("add", "b")
    ws.commit()
    age(ws)
    ws.mltrack("gc")
    (ws.path / "a/x").unlink()
    (ws.path / "b/x").unlink()
    ws.mltrack("checkout")
    assert ws.read("a/x") == ws.read("b/x") == "XOBJECT-bytes"


def test_a_damaged_object_keeps_nobody_from_adding_others(ws: Workspace) -> None:
    ws.write("f", "precious-bytes")
    ws.mltrack("add", "f")
    corrupt(ws, b"precious-bytes", b"preciouS-bytes")
    for number in range(40):
        ws.write(f"g{number}", f"{number}")
    for number in range(40):
        ws.mltrack("add", f"g{number}")
    assert len(list((ws.path / ".mltrack/cache/packs").glob("*.pack"))) < 40


def test_a_forged_size_does_not_cost_the_object(ws: Workspace) -> None:
    ws.write("f", "hello-bytes")
    ws.mltrack("add", "f")
    good = ws.read("f.mlt")
    (ws.path / "f").unlink()
    ws.write("f.mlt", good.replace("size: 11", "size: 12"))
    assert "what refers to it says 12" in ws.mltrack("checkout", code=7).err
    ws.write("f.mlt", good)
    ws.mltrack("checkout")
    assert ws.read("f") == "hello-bytes"
