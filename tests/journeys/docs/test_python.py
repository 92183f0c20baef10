"""The page on mltrack from Python: its blocks, run in their order in one process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, Workspace

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
