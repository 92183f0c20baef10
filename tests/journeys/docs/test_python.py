"""The page on mltrack from Python: its blocks, run in their order in one process."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mltrack
from tests.support.workspace import ROOT, Workspace

NOTEBOOKS = (ROOT / "docs/guides/notebooks.md").read_text()
PAGE = (ROOT / "docs/guides/python.md").read_text()


@pytest.fixture
def mine(bare: Workspace, tmp_path: Path) -> Workspace:
    """Two projects side by side: the one of the reader, and `colleague`."""
    colleague = Workspace(tmp_path / "colleague", bare.environment)
    for place in (bare, colleague):
        place.path.mkdir(exist_ok=True)
        place.git("init", "-q")
        place.mltrack("init")
        place.write("data/table.csv", "a,b\n")
        for number in (1, 2):
            place.write(f"data/images/{number}.txt", f"{number}\n")
        place.write("params.yaml", "lr: 0.1\n")
        place.write(
            "mltrack.yaml",
            "stages:\n  train:\n    cmd: echo '{\"loss\":0.5}' > metrics.json\n"
            "    params: [lr]\n    metrics: [metrics.json]\n",
        )
        place.mltrack("add", "data/table.csv", "data/images")
        place.mltrack("repro")
        place.git("add", "-A")
        place.git("commit", "-qm", "one")
        place.git("tag", "v1")
    return bare


def test_every_block_does_what_it_says(mine: Workspace, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 5
    code = tmp_path / "page.py"
    code.write_text("\n".join(blocks))
    environment = {
        **mine.environment,
        "XDG_CACHE_HOME": str(tmp_path / "cached"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, str(code)],
        cwd=mine.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "there is no" in done.stdout
    assert "StageFinished" in done.stdout
    for shown in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL):
        assert shown in done.stdout


@pytest.mark.parametrize(
    "cell", re.findall(r"```python\n(.*?)```", NOTEBOOKS, re.DOTALL)
)
def test_every_cell_shows_a_page(
    mine: Workspace, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.path)
    names: dict[str, Any] = {"mltrack": mltrack, "project": mltrack.Project()}
    *before, last = ast.parse(cell).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    assert isinstance(last, ast.Expr)
    shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    assert shown._repr_html_().startswith("<")
