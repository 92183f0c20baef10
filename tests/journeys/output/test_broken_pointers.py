"""A pointer that says nothing sensible is named, and nothing is done."""

import os

import pytest

from mltrack.formats import pointer
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from tests.support.workspace import Workspace

BROKEN_POINTERS = {
    "empty": b"",
    "binary": b"\0\1\2",
    "truncated": b"mltrack: 1\npath: data\n",
    "CRLF": b"mltrack: 1\r\npath: data\r\n",
    "unknown text": b"hello\n",
    "duplicate key": b"mltrack: 1\nmltrack: 1\n",
    "newer": b"mltrack: 2\npath: data\n",
    "absolute": b"mltrack: 1\npath: /etc/passwd\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "parent": b"mltrack: 1\npath: ../x\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "git": b"mltrack: 1\npath: .git\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "digest": b"mltrack: 1\npath: data\ndigest: xxh3:../../x\nkind: file\nsize: 1\n",
    "upper case": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"A" * 32),
    "negative": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: -1\n"
    % (b"0" * 32),
    "huge": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: 99999999999999999999\n"
    % (b"0" * 32),
    "kind": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: fifo\nsize: 1\n"
    % (b"0" * 32),
    "other algorithm": b"mltrack: 1\npath: data\ndigest: blake3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 64),
    "conflict": b"mltrack: 1\npath: data\n<<<<<<< HEAD\n=======\n>>>>>>> x\n",
}


@pytest.mark.parametrize("name", BROKEN_POINTERS)
def test_a_broken_pointer_is_named_and_nothing_is_done(
    name: str, shared: Workspace
) -> None:
    ws = shared
    ws.write("data.mlt", BROKEN_POINTERS[name])
    for command in ("status", "checkout", "push"):
        before = ws.files()
        done = ws.mltrack(command, code=3)
        assert "data.mlt" in done.err and "Nothing changed" not in done.out, done.said
        assert ws.files() == before


def test_a_pointer_that_is_a_link_or_a_pipe_is_refused_without_hanging(
    ws: Workspace,
) -> None:
    (ws.path / "a.mlt").symlink_to("/etc/passwd")
    assert "a.mlt" in ws.mltrack("status", code=3).err
    (ws.path / "a.mlt").unlink()
    ws.write("a.mlt", "x")
    ws.commit()
    (ws.path / "a.mlt").unlink()
    os.mkfifo(ws.path / "a.mlt")
    assert "a.mlt" in ws.mltrack("status", code=3).err


def test_a_pointer_with_a_lone_surrogate_is_refused(ws: Workspace) -> None:
    text = pointer.write(
        pointer.Pointer("x", Content(FILE, "0" * 32, 1)), XXH3
    ).replace("path: x", 'path: "\\ud800"')
    ws.write("x.mlt", text)
    assert "x.mlt" in ws.mltrack("status", code=3).err
