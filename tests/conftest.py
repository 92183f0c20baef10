"""What all tests share: a workspace, and a home directory that is not the user's."""

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, hermetic_environment


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing may read or write this user's own settings, in this process either."""
    home = tmp_path_factory.mktemp("home")
    for name, value in hermetic_environment(home).items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    for name in list(os.environ):
        if name.startswith("MLTRACK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    """An empty git repository."""
    path = tmp_path / "project"
    path.mkdir()
    workspace = Workspace(path, hermetic_environment(tmp_path / "home"))
    workspace.git("init", "--quiet")
    return workspace


@pytest.fixture
def ws(bare: Workspace) -> Workspace:
    """A project."""
    bare.mltrack("init")
    bare.commit("Start")
    return bare


@pytest.fixture
def shared(ws: Workspace, tmp_path: Path) -> Workspace:
    """A project with a directory remote."""
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.commit("Remote")
    return ws
