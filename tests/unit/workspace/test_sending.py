"""What is sent as it is met lies on the remote under the name of its bytes, or not at
all, whatever happens to the file meanwhile.
"""

import os
from pathlib import Path

import pytest

from mltrack.disk import cloning
from mltrack.errors import WorkspaceError
from mltrack.objects.digest import XXH3
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import object_path
from mltrack.store.shared.remote import Remote
from mltrack.workspace import sending
from mltrack.workspace.sending import Sending
from tests.support.memory_store import MemoryStore

SIZE = 2 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"a" * SIZE)
    return path


@pytest.fixture
def made(tmp_path: Path) -> Sending:
    remote = Remote("store", MemoryStore(), XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    (tmp_path / "tmp").mkdir()
    return Sending(remote, XXH3, str(tmp_path / "tmp"))


def test_a_large_file_arrives_and_no_copy_stays(
    made: Sending, file: Path, tmp_path: Path
) -> None:
    read = made.file(os.fsencode(file))
    assert made.remote.store.get(object_path(read.hex)) == file.read_bytes()
    assert not list((tmp_path / "tmp").iterdir())


def test_a_file_that_changes_before_it_is_sent_harms_no_object_of_another(
    made: Sending, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = object_path(XXH3.hex_of(file.read_bytes()))

    def change_first(source: int, target: int) -> bool:
        made.remote.store.put(name, b"a" * SIZE)  # another clone's push
        file.write_bytes(b"b" * SIZE)
        return cloning.clone(source, target)

    monkeypatch.setattr(sending, "clone", change_first)
    with pytest.raises(WorkspaceError, match="changed"):
        made.file(os.fsencode(file))
    assert made.remote.store.get(name) == b"a" * SIZE


def test_a_file_that_changes_while_it_is_sent_is_sent_as_it_was(
    made: Sending, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file = made.remote.store.put_file

    def change_first(name: str, path: str, *, at_once: int = 1) -> None:
        file.write_bytes(b"b" * SIZE)
        put_file(name, path, at_once=at_once)

    monkeypatch.setattr(made.remote.store, "put_file", change_first)
    read = made.file(os.fsencode(file))
    assert XXH3.hex_of(made.remote.store.get(object_path(read.hex))) == read.hex
