"""A project of somebody else, and a place of one's own."""

from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def theirs(ws: Workspace, tmp_path: Path) -> Workspace:
    """A project with data, a pipeline and a script, of which `v1` and one more commit
    are pushed.
    """
    for number in range(20):
        ws.write(f"data/images/{number}.png", f"image {number}\n")
    ws.write("data/table.csv", "a,b\n")
    ws.write("tool.py", "print(1)\n")
    (ws.path / "tool.py").chmod(0o755)
    ws.write(
        "mltrack.yaml",
        "stages:\n"
        "  train:\n"
        "    cmd: cp data/table.csv model.bin; echo '{\"loss\":0.5}' > metrics.json\n"
        "    deps: [data/table.csv]\n"
        "    outs: [model.bin]\n"
        "    metrics: [metrics.json]\n",
    )
    ws.mltrack("add", "data/images", "data/table.csv")
    ws.mltrack("repro")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    ws.git("add", ".")
    ws.git("commit", "-qm", "one")
    ws.git("tag", "v1")
    ws.write("data/images/1.png", "another\n")
    ws.mltrack("add", "data/images")
    ws.git("commit", "-qam", "two")
    ws.mltrack("push")
    # as hosting services do: without it git sends all bytes along
    ws.git("config", "uploadpack.allowFilter", "true")
    return ws


@pytest.fixture
def mine(theirs: Workspace, tmp_path: Path) -> Workspace:
    """A directory that is in no project, of somebody else."""
    place = tmp_path / "mine"
    place.mkdir()
    environment = {**theirs.environment, "XDG_CACHE_HOME": str(tmp_path / "cached")}
    return Workspace(place, environment)
