"""A new kind of remote is one module: its addresses, its own setting, and a class that
keeps the store protocol.
"""

import inspect
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mltrack.cli import main
from mltrack.store.kinds import known
from mltrack.store.kinds.kind import Kind, Option
from mltrack.store.kinds.opening import open_store
from mltrack.store.kinds.store import Abilities, Store
from tests.conformance import test_stores as suite
from tests.support.memory_store import MemoryStore
from tests.support.workspace import Workspace

globals().update(
    {
        name: test
        for name, test in vars(suite).items()
        if {"store", "remote"}
        & {*((inspect.isfunction(test) and inspect.signature(test).parameters) or ())}
    }
)
SHELVES: dict[str, dict[str, tuple[bytes, float]]] = {}


class ToyStore(MemoryStore):
    abilities = Abilities(durable=True, local=False, writable=True)

    def __init__(self, url: str, given: Mapping[str, Any], kind: Kind) -> None:
        super().__init__()
        self.url = url
        self.files = SHELVES.setdefault(f"{url} {given.get('shelf', '')}", {})


KIND = Kind(
    ("toy", "toys"),
    f"{__name__}:ToyStore",
    options=(
        Option("shelf", str, "Where it lies."),
        Option("shelf_key", str, "Opens it.", private=True, secret=True),
    ),
)


remote = suite.remote


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    known.register(KIND)
    yield
    known.withdraw(KIND)


@pytest.fixture(params=["toy"])
def store() -> Store:
    made = open_store(f"toy://{uuid.uuid4().hex}", "")
    made.put("start", b"x")
    return made


def test_a_project_uses_it_by_its_settings_alone(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ws.path)
    ws.write("data", "seen\n")
    for command in (
        ["add", "data"],
        ["remote", "add", "t", "toys://box"],
        ["remote", "modify", "t", "shelf", "upper"],
        ["push"],
    ):
        assert main.run(command) == 0
    assert SHELVES["toys://box upper"]
    ws.commit()
    ws.git("clone", "-q", ".", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "someone else"))
    assert main.run(["init"]) == 0 and main.run(["pull"]) == 2
    assert main.run(["remote", "trust", "t"]) == 0 and main.run(["pull"]) == 0
    assert (tmp_path / "other/data").read_text() == "seen\n"


def test_its_settings_are_checked_and_its_secrets_masked(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ws.path)
    main.run(["remote", "add", "t", "toy://box"])
    assert main.run(["remote", "modify", "t", "shelv", "upper"]) == 2
    assert "did you mean 'shelf'?" in capsys.readouterr().err
    assert main.run(["remote", "modify", "t", "shelf_key", "open-sesame"]) == 0
    assert "open-sesame" not in Path(ws.path / ".mltrack/config.toml").read_text()
    assert main.run(["config", "--origin"]) == 0
    assert (
        "remote.t.shelf_key" in (said := capsys.readouterr().out)
        and "open-sesame" not in said
    )


def test_a_secret_setting_is_named_as_one() -> None:
    with pytest.raises(ValueError, match="says so"):
        Kind(
            ("toy",),
            "",
            options=(Option("combination", str, "Opens it.", secret=True),),
        )


def test_where_a_kind_is_mistyped_all_are_named(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ws.path)
    assert main.run(["remote", "add", "t", "tooy://box"]) == 1
    assert (
        "abfs, az, file, gcs, gs, http, https, memory, s3, sftp, ssh, toy, toys"
        in capsys.readouterr().err
    )
