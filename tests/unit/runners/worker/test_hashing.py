"""The digest on a host: from whatever library gives the right one, and from no
other.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.objects.digest import algorithm
from mltrack.runners.worker import hashing
from mltrack.runners.worker.hashing import abi, accept, find, install, library_folder


def found_by_another_python(place: Path) -> str:
    """What a Python without any packages finds: the digest of 'x' by it."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from mltrack.runners.worker.hashing import find\n"
        "f = find('xxh3', sys.argv[2]); print(f.hex_of(b'x') if f else 'none')\n"
    )
    root = str(Path(hashing.__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, root, str(place)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["xxh3", "blake3"])
@given(data=st.binary(max_size=200))
def test_the_digest_is_the_one_that_the_project_computes(
    name: str, data: bytes
) -> None:
    found, ours = find(name, "/nowhere"), algorithm(name)
    assert found is not None and found.name == name
    assert found.hex_of(data) == ours.hex_of(data)
    assert found.hex_size == ours.hex_size


def test_an_algorithm_that_nobody_has_is_none() -> None:
    assert find("nosuch", "/nowhere") is None


def test_a_host_without_a_library_finds_none(tmp_path: Path) -> None:
    assert found_by_another_python(tmp_path) == "none"


GOOD = (
    "class xxh3_128:\n"
    "  def __init__(self): self.d = b''\n"
    "  def update(self, d): self.d += d\n"
    "  def hexdigest(self):\n"
    "    return '99aa06d3014798d86001c324468d497f' if not self.d else 'ours'\n"
)


def test_what_a_client_sent_is_found(tmp_path: Path) -> None:
    accept(str(tmp_path), "xxhash/__init__.py", b"from .inner.x import *\n")
    accept(str(tmp_path), "xxhash/inner/x.py", GOOD.encode())
    assert found_by_another_python(tmp_path) == "ours"
    folder = Path(library_folder(str(tmp_path)))
    assert folder == tmp_path / "lib" / abi()
    assert sorted(path.name for path in folder.rglob("*.py*") if path.is_file()) == [
        "__init__.py",
        "x.py",
    ]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("99aa", "0000"),
        "raise RuntimeError",
        "syntax error",
        "",
        "import no_such_module",
        "xxh3_128 = None",
    ],
)
def test_a_library_that_does_not_give_the_right_digest_is_none(
    tmp_path: Path, text: str
) -> None:
    accept(str(tmp_path), "xxhash/__init__.py", text.encode())
    assert found_by_another_python(tmp_path) == "none"


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/../../x", "/etc/x", "a//b", "./x"]
)
def test_a_file_of_a_library_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a library's file"):
        accept(str(tmp_path), name, b"x")
    assert list(tmp_path.rglob("*")) == []


def test_what_is_accepted_twice_is_the_later(tmp_path: Path) -> None:
    for data in (b"1", b"2"):
        accept(str(tmp_path), "xxhash/x.py", data)
    path = Path(library_folder(str(tmp_path)), "xxhash/x.py")
    assert path.read_bytes() == b"2" and os.listdir(path.parent) == ["x.py"]


def test_a_host_gets_the_library_by_whichever_tool_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is really there: a program stands in for uv, and no network is asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(
        '#!/bin/sh\necho "$@" >> ' + str(tmp_path / "asked") + "\nexit ${UV_FAILS:-0}\n"
    )
    (tools / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert install("xxh3", str(tmp_path / "host"))
    [asked] = (tmp_path / "asked").read_text().splitlines()
    folder = library_folder(str(tmp_path / "host"))
    assert asked.endswith(f"--python {sys.executable} --target {folder} xxhash")
    monkeypatch.setattr(hashing, "find", lambda name, place: None)
    monkeypatch.setattr(hashing.sys, "executable", "/nowhere/python")
    assert not install("xxh3", str(tmp_path / "host")), "what it got does not hash"
    monkeypatch.setenv("UV_FAILS", "1")
    assert not install("xxh3", str(tmp_path / "host"))
