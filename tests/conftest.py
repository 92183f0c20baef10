"""What all tests share: a workspace, and a home directory that is not the user's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.services.service import Missing, Service
from tests.support import owners
from tests.support.workspace import Workspace, hermetic_environment

owners.watch()
# a loaded machine is no fault of what is tested
settings.register_profile("without limits", deadline=None)
settings.load_profile("without limits")


@pytest.fixture(autouse=True)
def _own_threads() -> Iterator[None]:
    """What belongs to one thread is used by that thread."""
    owners.strangers.clear()
    yield
    assert not owners.strangers


@pytest.fixture(autouse=True)
def _no_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing may read or write this user's own settings, in this process either."""
    home = tmp_path_factory.mktemp("home")
    wanted = hermetic_environment(home)
    for name in list(os.environ):
        if name.startswith("MLTRACK_") and name not in wanted:
            monkeypatch.delenv(name)
    for name, value in wanted.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)


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


@pytest.fixture(scope="session")
def serve(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[type[Service]], Any]]:
    """Starts a service when a test first asks for it; skips the test with the reason
    where it cannot run.
    """
    running: dict[type[Service], Service | str] = {}

    def get(kind: type[Service]) -> Any:
        if kind not in running:
            service = kind(tmp_path_factory.mktemp("service"))
            try:
                running[kind] = service.start()  # type: ignore[attr-defined]
            except Missing as error:
                running[kind] = str(error)
            _note(
                request.config,
                f"{kind.name}: "
                + (
                    f"skipped, {running[kind]}"
                    if isinstance(running[kind], str)
                    else "ran"
                ),
            )  # type: ignore[attr-defined]
        found = running[kind]
        if isinstance(found, str):
            pytest.skip(found)
        return found

    yield get
    for service in running.values():
        if isinstance(service, Service):
            service.stop()


# which services ran is said at the end, whatever process the tests ran in

_seen: set[str] = set()


def _note(config: pytest.Config, line: str) -> None:
    output = getattr(config, "workeroutput", None)
    if output is None:
        _seen.add(line)
    else:
        output["services"] = sorted({*output.get("services", []), line})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _seen.update(getattr(node, "workeroutput", {}).get("services", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _seen:
        terminalreporter.section("services")
        for line in sorted(_seen):
            terminalreporter.write_line(line)
