"""Giving a host a library to hash with: its own first, then what the host gets itself,
then a wheel, and nothing where nothing works.
"""

import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import RemoteError
from mltrack.runners import library
from mltrack.runners.worker.messages import Install, Library


class Host:
    """Answers for a host; ``takes`` says which requests leave it able to hash."""

    def __init__(self, *takes: type, refuses: bool = False, lost: bool = False) -> None:
        self.takes, self.refuses, self.is_lost = takes, refuses, lost
        self.asked: list[Any] = []

    def request(self, message: Any, data: bytes = b"") -> tuple[dict[str, Any], bytes]:
        self.asked.append(message)
        if self.refuses:
            raise RemoteError("no space")
        if isinstance(message, Library):
            assert sum(size for _, size in message.files) == len(data)
        return {"hashes": type(message) in self.takes}, b""

    def kinds(self) -> list[type]:
        return [type(message) for message in self.asked]


OURS = {"abi": sysconfig.get_config_var("SOABI"), "python": "3.11.7", "machine": "m"}
OTHER = {**OURS, "abi": "cpython-38-other"}
WHEEL = [("xxhash/__init__.py", b"x")]


@pytest.fixture(autouse=True)
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is downloaded in a test; what would be is noted."""
    asked: list[str] = []

    def downloaded(package: str, hello: dict[str, Any]) -> library.Files:
        asked.append(package)
        return WHEEL

    monkeypatch.setattr(library, "_downloaded", downloaded)
    return asked


def provide(host: Host, hello: dict[str, Any], algorithm: str = "xxh3") -> bool:
    return library.provide(host, hello, algorithm)  # type: ignore[arg-type]


def test_a_host_with_our_python_is_sent_our_own(downloads: list[str]) -> None:
    host = Host(Library)
    assert provide(host, OURS) and host.kinds() == [Library] and downloads == []
    names = [name for name, _ in host.asked[0].files]
    assert "xxhash/__init__.py" in names and any(".so" in name for name in names)
    assert all(name.startswith("xxhash/") for name in names)
    assert not any("__pycache__" in name or name.endswith(".pyi") for name in names)


def test_a_host_with_another_python_gets_it_by_itself(downloads: list[str]) -> None:
    host = Host(Install)
    assert provide(host, OTHER) and host.kinds() == [Install] and downloads == []


def test_what_our_own_does_not_do_is_tried_otherwise(downloads: list[str]) -> None:
    host = Host()
    assert not provide(host, OURS)
    assert host.kinds() == [Library, Install, Library] and downloads == ["xxhash"]
    assert host.asked[2].files == [["xxhash/__init__.py", 1]]


def test_a_wheel_is_the_last_that_is_tried(downloads: list[str]) -> None:
    host = Host(Library)
    assert provide(host, OTHER, "blake3") and downloads == ["blake3"]
    assert host.kinds() == [Install, Library]


def test_a_host_that_refuses_hashes_nothing() -> None:
    assert not provide(Host(refuses=True), OURS)
    with pytest.raises(RemoteError, match="no space"):
        provide(Host(refuses=True, lost=True), OURS)


@pytest.mark.parametrize("files", [[], [("xxhash/x", bytes((64 << 20) + 1))]])
def test_nothing_and_too_much_are_not_sent(files: library.Files) -> None:
    host = Host(Library)
    assert not library._send(host, files)  # type: ignore[arg-type]
    assert host.asked == []


def test_of_a_wheel_the_files_of_the_library_are_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "xxhash-3-cp38.whl", "w") as archive:
        archive.writestr("xxhash/__init__.py", "1")
        archive.writestr("xxhash/_x.so", "2")
        archive.writestr("xxhash/__init__.pyi", "3")
        archive.writestr("other/x.py", "4")
        archive.writestr("xxhash-3.dist-info/METADATA", "5")
    (tmp_path / "u/xxhash").mkdir(parents=True)
    (tmp_path / "u/xxhash/version.py").write_text("6")
    (tmp_path / "u/xxhash/notes.txt").write_text("7")
    (tmp_path / "notes.txt").write_text("8")
    assert list(library._unpacked(str(tmp_path), "xxhash")) == [
        ("xxhash/__init__.py", b"1"),
        ("xxhash/_x.so", b"2"),
        ("xxhash/version.py", b"6"),
    ]


def test_a_library_that_is_not_here_has_no_files() -> None:
    assert library._own_files("no_such_library_anywhere") == []
