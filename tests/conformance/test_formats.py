"""Every text and binary format: write, read, write gives the same bytes; the bytes
themselves are pinned.
"""

from pathlib import Path

import pytest

from mltrack.errors import FormatError, IntegrityError
from mltrack.formats import lock_file, pointer, run_record
from mltrack.formats.pointer import Pointer
from mltrack.formats.run_record import Fact, RunRecord
from mltrack.objects import tree
from mltrack.objects.content import EXEC, FILE, TREE, Content
from mltrack.objects.digest import XXH3, algorithm
from mltrack.pipeline.run_key import canonical_json, entry_parts, run_key
from mltrack.pipeline.stage import Entry
from mltrack.store import pack

HEX = "0f343b0931126a20f133d67c2b018a3b"
ENTRY = Entry(
    cmd=("python train.py", "echo done"),
    shell="/bin/sh",
    wdir="sub",
    deps={"a": Content(FILE, HEX, 3), "d": Content(TREE, HEX, 9, 2)},
    params={"params.yaml": {"lr": 0.0001, "layers": [1, 2], "name": "é"}},
    env={"SEED": HEX, "UNSET": None},
    lock=HEX,
    image="img@sha256:1",
    outs={"m": Content(FILE, HEX, 1), "o": Content(EXEC, HEX, 5)},
    out_types={"m": "metric", "o": "out"},
    uncached=frozenset({"m"}),
    unpushed=frozenset({"o"}),
)
RECORD = RunRecord(
    HEX,
    "train",
    ENTRY,
    "run",
    1.5,
    2.25,
    0,
    HEX,
    "abc",
    dirty=True,
    runner="local",
    platform="x",
    peak_memory=5,
    program="y",
)
FACT = Fact("mltrack.lock", HEX, "train", RECORD)


@pytest.mark.parametrize(
    ("name", "content", "extra"),
    [
        ("images", Content(TREE, HEX, 805306368, 100000), ()),
        ("with space.txt", Content(FILE, HEX, 0), ()),
        ("true", Content(FILE, HEX, 1), ()),
        ("quote\"s and 'ticks'", Content(EXEC, HEX, 1), ()),
        ("#x: y", Content(FILE, HEX, 1), ()),
        (
            "é",
            Content(FILE, HEX, 1),
            ("source:", "  url: https://example.org", "  etag: abc"),
        ),
    ],
)
def test_pointers(name: str, content: Content, extra: tuple[str, ...]) -> None:
    text = pointer.write(Pointer(name, content, extra), XXH3)
    assert pointer.parse(text.encode(), XXH3, f"dir/{name}.mlt") == Pointer(
        name, content, extra
    )
    from mltrack.formats import yaml

    read = yaml.load(text, "x")
    # any YAML reader sees the same
    assert read["path"] == name and read["digest"] == f"xxh3:{HEX}"


def test_the_pointer_of_the_specification() -> None:
    text = f"mltrack: 1\npath: images\ndigest: xxh3:{HEX}\nkind: tree\nsize: 805306368\nfiles: 100000\n"
    assert (
        pointer.write(Pointer("images", Content(TREE, HEX, 805306368, 100000)), XXH3)
        == text
    )


def test_locks() -> None:
    text = lock_file.write({"train": ENTRY, "a": ENTRY}, XXH3)
    entries = lock_file.parse(text.encode(), XXH3, "mltrack.lock")
    assert entries == {"train": ENTRY, "a": ENTRY}
    assert lock_file.write(entries, XXH3) == text
    assert (
        '        "a": {"digest": "xxh3:' + HEX + '", "kind": "file", "size": 3},'
        in text.split("\n")
    )


def test_run_records_and_journals() -> None:
    text = run_record.write(RECORD, XXH3)
    assert run_record.parse(text.encode(), XXH3, "r") == RECORD
    line = run_record.journal_line(FACT, XXH3)
    assert run_record.parse_journal(line * 2, XXH3, "j") == [FACT] * 2


def test_a_torn_end_of_a_journal_is_dropped_and_damage_before_it_is_told() -> None:
    line = run_record.journal_line(FACT, XXH3)
    for tail in (line[:-5], b"\0" * 100, line[:10]):
        assert len(run_record.parse_journal(line + tail, XXH3, "j")) == 1
    with pytest.raises(FormatError, match="j:1"):
        run_record.parse_journal(b"x" + line + line, XXH3, "j")


def test_the_run_key_is_pinned() -> None:
    """A change here gives every project's results new names: it is a new version of the
    key.
    """
    assert (
        canonical_json({"b": [1, 1.0, 1e-4, True, None], "a": "é"})
        == '{"a":"é","b":[1,1.0,0.0001,true,null]}'.encode()
    )
    assert run_key(entry_parts(ENTRY), XXH3) == "0f5629db5b52373b035986ef23099948"


def test_trees_are_pinned() -> None:
    data = tree.encode(
        [(b"b c", "f", HEX, 1), (b"a", "d", HEX, 2), (b"\xff%", "x", HEX, 3)]
    )
    assert (
        data
        == f"mltrack-tree 1\nd {HEX} 2 a\nf {HEX} 1 b%20c\nx {HEX} 3 %ff%25\n".encode()
    )
    assert XXH3.hex_of(tree.encode([])) == "231b8627b6bb3c9305b77ab90689a895"


@pytest.mark.parametrize("name", ["xxh3", "blake3"])
def test_packs_and_indexes(name: str, tmp_path: Path) -> None:
    chosen = algorithm(name)
    writer = pack.PackWriter(str(tmp_path), chosen)
    objects = {chosen.hex_of(data): data for data in (b"", b"one", b"two" * 1000)}
    for hex_digest, data in objects.items():
        writer.add(hex_digest, data)
    done = writer.finish()
    assert pack.digest_of_file(done.temporary, chosen) == done.id
    found = pack.read_index(done.temporary, chosen, done.id)
    assert found.data == done.index_data
    assert {
        entry.raw.hex(): data
        for entry, data in pack.read_objects(done.temporary, found)
    } == objects
    for hex_digest in objects:
        row = found.find(bytes.fromhex(hex_digest))
        assert row is not None and row.raw.hex() == hex_digest
    assert found.find(b"\1" * chosen.raw_size) is None


def test_the_first_bytes_of_pack_and_index_are_pinned(tmp_path: Path) -> None:
    writer = pack.PackWriter(str(tmp_path), XXH3, pack.TREES)
    writer.add(XXH3.hex_of(b"x"), b"x")
    data = Path(writer.finish().temporary).read_bytes()
    assert data[:17] == b"MLTPACK\n" + b"\0\0\0\1" + b"\0\1" + b"\0\1" + b"x"
    assert (
        data[17:49]
        == b"MLTINDEX" + b"\0\0\0\1" + b"\0\0\0\1" + b"\0" * 7 + b"\1" + b"\0" * 8
    )
    assert data[-8:] == b"MLTPEND\n"
    assert len(data) == 17 + 32 + 1024 + 45 + 16 + 16 + 16 + 8


@pytest.mark.parametrize("cut", [1, 10, 40, 100, 1100])
def test_a_truncated_pack_is_told(cut: int, tmp_path: Path) -> None:
    writer = pack.PackWriter(str(tmp_path), XXH3)
    writer.add(XXH3.hex_of(b"x"), b"x")
    path = Path(writer.finish().temporary)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-cut])
    with pytest.raises((IntegrityError, FormatError)):
        pack.read_index(str(tmp_path / "cut"), XXH3, "00" * 16)
