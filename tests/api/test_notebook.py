"""What is there for notebooks: a bar, and the command line as a magic."""

import builtins
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mltrack
from mltrack.api import notebook
from mltrack.events import Progress
from tests.support.workspace import Workspace


@pytest.fixture
def here(ws: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    ws.write("data/a", "1\n")
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    monkeypatch.chdir(ws.path)
    return ws


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """IPython as it runs in a kernel, without one."""
    interactive = pytest.importorskip(
        "IPython.core.interactiveshell", reason="IPython is not installed"
    )
    made = interactive.InteractiveShell.instance()
    made.kernel = SimpleNamespace()
    # what the interpreter is given goes with the shell
    kept = {name: getattr(builtins, name, None) for name in ("display", "get_ipython")}
    yield made
    interactive.InteractiveShell.clear_instance()
    for name, value in kept.items():
        if value is None and hasattr(builtins, name):
            delattr(builtins, name)


class Page:
    """The part of IPython that shows things, for who has none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        shell = SimpleNamespace(kernel=SimpleNamespace())
        display = SimpleNamespace(display=self._display)
        ipython = SimpleNamespace(get_ipython=lambda: shell, display=display)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def _display(self, page: dict[str, str], **options: bool) -> Any:
        assert options == {"raw": True, "display_id": True}
        self._update(page)
        return SimpleNamespace(update=self._update)

    def _update(self, page: dict[str, str], raw: bool = True) -> None:
        assert page["text/plain"]
        self.texts.append(page["text/html"])


def test_a_transfer_shows_a_bar_in_a_notebook(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(monkeypatch)
    project = mltrack.Project()
    project.push()
    assert "sending 2 of 2 objects" in page.texts[-1]
    assert "value='1.000'" in page.texts[-1]
    project.drop("data", workspace=True)
    project.pull()
    assert "fetching 1 of 1 object" in page.texts[-1]
    shown = len(page.texts)
    # everything is there already
    project.push()
    assert len(page.texts) == shown


def test_the_callers_own_progress_takes_the_place_of_the_bar(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(monkeypatch)
    told: list[Progress] = []
    mltrack.Project().push(on_progress=told.append)
    assert told and not page.texts


def test_a_large_object_moves_the_bar_between_two_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page(monkeypatch)
    meter = SimpleNamespace(moved=100)
    monkeypatch.setattr(notebook, "meter", meter)
    with notebook.Bar() as bar:
        bar(Progress("sending", 0, 1, 4_000_000))
        meter.moved += 1_000_000
    assert page.texts == [
        "<progress value='0.250'></progress> sending 0 of 1 object, 4.0 MB"
    ]


def test_elsewhere_nothing_is_shown(here: Workspace) -> None:
    assert not notebook.is_notebook()


def test_real_ipython_shows_the_bar(
    here: Workspace, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = pytest.importorskip("IPython.core.displaypub")
    capturing = publisher.CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", capturing, raising=False)
    mltrack.Project().push()
    shown = capturing.outputs[-1]["data"]["text/html"]
    assert "sending 2 of 2 objects" in shown


def test_the_magic_runs_the_command_line_where_the_notebook_is(
    here: Workspace, shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("load_ext", "mltrack")
    shell.run_line_magic("mltrack", "ls")
    assert "data" in capsys.readouterr().out
    (here.path / "b c").write_text("x")
    shell.run_cell("name = 'b c'\n%mltrack add '{name}'")
    assert "added b c" in capsys.readouterr().out
    assert here.exists("b c.mlt")


def test_a_magic_that_fails_stops_a_run_of_all_cells(
    here: Workspace, shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("load_ext", "mltrack")
    done = shell.run_cell("%mltrack ls nosuch")
    assert not done.success
    said = capsys.readouterr()
    assert "nosuch" in said.out and "Traceback" not in said.out + said.err
    assert "exit code 2" in said.out + said.err
