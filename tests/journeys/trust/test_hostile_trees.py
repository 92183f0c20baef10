"""Forged trees and links on the way write nothing anywhere, and trees that multiply are
refused at once.
"""

import os
import shutil
from pathlib import Path

import pytest

from mltrack.formats import pointer
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from tests.support.workspace import Workspace


def hostile_tree(ws: Workspace, lines: str) -> None:
    """Puts a forged tree into the cache, and a pointer to it."""
    from mltrack.formats import pointer
    from mltrack.objects.content import Content
    from mltrack.objects.digest import XXH3
    from mltrack.store.local.cache import Cache
    from mltrack.store.local.writer import CacheWriter

    with CacheWriter(Cache(str(ws.path / ".mltrack/cache"), XXH3)) as writer:
        file = writer.put(b"evil")
        link = writer.put(b"../../..")
        tree = writer.put(
            b"mltrack-tree 1\n" + lines.format(file=file, link=link).encode()
        )
        writer.finish()
    ws.write(
        "data.mlt",
        pointer.write(pointer.Pointer("data", Content("tree", tree, 4, 1)), XXH3),
    )


@pytest.mark.parametrize(
    "lines",
    [
        "f {file} 4 ../escape\n",
        "f {file} 4 /tmp/escape\n",
        "f {file} 4 .git\n",
        "f {file} 4 .GIT\n",
        "f {file} 4 .mltrack\n",
        "f {file} 4 a%2fb\n",
        "f {file} 4 b\nf {file} 4 a\n",
        "f {file} 4 a\nf {file} 4 a\n",
        "f {file} 4 a\nx {file} 4 a\n",
        "l {link} 8 out\n",
        "f zz 4 a\n",
        "q {file} 4 a\n",
        "f {file} 4 %41\n",
        "f {file} 4 ..\n",
        "f {file} 4 git~1\n",
    ],
)
def test_a_hostile_tree_writes_nothing(lines: str, ws: Workspace) -> None:
    hostile_tree(ws, lines)
    before = ws.files()
    ws.mltrack("checkout", code=1)
    after = ws.files()
    after.pop("data", None)  # the directory itself may have been made
    assert after == before


def test_checkout_never_goes_through_a_link_on_the_way(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("deep/data/a", "x")
    ws.mltrack("add", "deep/data")
    shutil.rmtree(ws.path / "deep/data")
    outside = tmp_path / "outside"
    outside.mkdir()
    (ws.path / "deep/data").symlink_to(outside)
    ws.mltrack("checkout", code=1)
    assert os.listdir(outside) == []


def test_trees_that_multiply_are_refused_at_once(ws: Workspace) -> None:
    with CacheWriter(Cache(str(ws.path / ".mltrack/cache"), XXH3)) as writer:
        below, kind = writer.put(b"x"), "f"
        for _ in range(60):
            below, kind = (
                writer.put(
                    tree.encode([(b"a", kind, below, 1), (b"b", kind, below, 1)])
                ),
                "d",
            )
        writer.finish()
    ws.write(
        "data.mlt",
        pointer.write(pointer.Pointer("data", Content(TREE, below, 2, 2)), XXH3),
    )
    assert "it was forged" in ws.mltrack("checkout", code=1).err
