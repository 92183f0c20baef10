"""The stat rule: what counts as unchanged, and the index that remembers it."""

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from mltrack.disk.durable import temporary_path
from mltrack.errors import WorkspaceError
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.workspace import stat_index
from mltrack.workspace.ignore import KeepAll, Skip
from mltrack.workspace.ingest import Hashing, Saving
from mltrack.workspace.observe import Observer
from mltrack.workspace.scan import Look, scan
from mltrack.workspace.stat_index import Blocks


class Counting(Hashing):
    """Counts the files whose bytes were read."""

    def __init__(self) -> None:
        super().__init__(XXH3)
        self.read: list[str] = []

    def file(self, path: bytes):  # type: ignore[no-untyped-def]
        self.read.append(os.path.basename(os.fsdecode(path)))
        return super().file(path)


def look(top: Path, known: Blocks) -> tuple[Blocks, list[str]]:
    counting = Counting()
    cache = Cache(str(top / "cache"), XXH3)
    snapshot = scan(str(top), "d", known, Look(counting, KeepAll(), cache))
    assert snapshot is not None
    return snapshot.blocks, sorted(counting.read)


def age(path: Path) -> None:
    """Waits until the stamps of everything below are old enough to be trusted."""
    time.sleep(0.06)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name in ("a", "b", "sub/c"):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(name)
    return tmp_path


def test_files_are_read_once_and_young_stamps_are_not_trusted(top: Path) -> None:
    young, read = look(top, Blocks())
    assert read == ["a", "b", "c"]
    age(top)
    trusted, read = look(top, young)
    assert read == ["a", "b", "c"], "stamps as young as the clock's grain were trusted"
    assert look(top, trusted)[1] == []


def change_bytes(path: Path) -> None:
    path.write_text("B")


def restore_mtime(path: Path) -> None:
    state = path.stat()
    path.write_text("X")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("X")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)


def make_executable(path: Path) -> None:
    path.chmod(0o755)


@pytest.mark.parametrize(
    "change", [change_bytes, restore_mtime, replace, make_executable]
)
def test_every_kind_of_change_is_seen_and_only_that_file_is_read(
    change, top: Path
) -> None:  # type: ignore[no-untyped-def]
    age(top)
    blocks, _ = look(top, Blocks())
    before = blocks[b""].tree_hex
    change(top / "d/b")
    age(top)
    after, read = look(top, blocks)
    assert read == ["b"] and after[b""].tree_hex != before


def test_a_time_in_the_future_is_never_trusted(top: Path) -> None:
    os.utime(top / "d/a", (4e9, 4e9))
    age(top)
    blocks, _ = look(top, Blocks())
    assert look(top, blocks)[1] == ["a"]


def test_the_index_survives_writing_and_reading(top: Path, tmp_path: Path) -> None:
    (top / "d/empty").mkdir()
    os.symlink("a", top / "d/link")
    age(top)
    blocks, _ = look(top, Blocks())
    path = str(tmp_path / "index")
    stat_index.write(path, blocks, XXH3)
    assert stat_index.read(path, XXH3) == blocks


@pytest.mark.parametrize("at", [0, 9, 20, 60, -1, -20])
def test_a_damaged_index_is_as_good_as_none(at: int, top: Path, tmp_path: Path) -> None:
    age(top)
    blocks, _ = look(top, Blocks())
    path = tmp_path / "index"
    stat_index.write(str(path), blocks, XXH3)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert stat_index.read(str(path), XXH3) == Blocks()
    path.write_bytes(data[: len(data) // 2])
    assert stat_index.read(str(path), XXH3) == Blocks()


def test_deep_directories_need_no_recursion(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    os.mkdir("d", dir_fd=here)
    for _ in range(1200):
        above, here = here, os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(above)
        os.mkdir("d", dir_fd=here)
    os.close(here)
    try:
        blocks, _ = look(tmp_path, Blocks())
    finally:  # Python's own rmtree, which clears temporary directories, recurses
        subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)
    assert len(blocks) == 1201


class Deleting(KeepAll):
    """Another program deletes a file between the listing and the look."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def below(self, directory: bytes) -> Skip:
        def skip(path: bytes, is_directory: bool) -> bool:
            self.path.unlink(missing_ok=True)
            return False

        return skip


def test_a_file_that_vanishes_between_listing_and_look_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")
    cache = Cache(str(tmp_path / "cache"), XXH3)
    rule = Deleting(tmp_path / "d/b")
    with pytest.raises(WorkspaceError, match="'d/b' vanished"):
        scan(str(tmp_path), "d", Blocks(), Look(Hashing(XXH3), rule, cache))


def test_what_a_killed_checkout_has_left_is_no_data(tmp_path: Path) -> None:
    write(tmp_path, "a")
    Path(temporary_path(str(tmp_path / "d"))).write_text("half")
    blocks, read = look(tmp_path, Blocks())
    assert read == ["a"] and blocks[b""].names == [b"a"]


def test_a_full_disk_of_the_cache_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a")
    (tmp_path / "d/a").write_bytes(b"a" * (9 << 20))
    cache = Cache(str(tmp_path / "cache"), XXH3, links=("copy",))

    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with CacheWriter(cache) as writer:
        with monkeypatch.context() as broken:
            broken.setattr(os, "copy_file_range", full)
            broken.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space") as error:
                saving = Saving(writer, XXH3)
                scan(str(tmp_path), "d", Blocks(), Look(saving, KeepAll(), cache))
        assert str(error.value.filename).startswith(cache.tmp_path)
        # who goes on with other files publishes nothing of this one
        writer.finish()
    assert os.listdir(cache.tmp_path) == []


def write(top: Path, *names: str) -> None:
    (top / "d").mkdir()
    for name in names:
        (top / "d" / name).write_text(name)


def test_a_full_disk_of_the_stat_index_costs_a_hash_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a")
    cache = Cache(str(tmp_path / "cache"), XXH3)
    observer = Observer(str(tmp_path), str(tmp_path / "index"), XXH3, cache, ["d/a"])
    observer.tracked("d/a")

    def full(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stat_index, "write_atomic", full)
    observer.save()
