"""repro --pull where outputs are params, parts of directories, or nowhere to be had."""

from pathlib import Path

from tests.support.workspace import Workspace


def pushed(ws: Workspace, tmp_path: Path) -> Workspace:
    """Runs, commits and pushes everything; returns a fresh clone."""
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.mltrack("repro")
    ws.commit()
    ws.mltrack("push")
    return ws.clone(tmp_path / "away" / "clone")


def test_pull_where_a_params_file_or_a_part_of_a_directory_is_an_output(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cp ain p.yaml; mkdir -p dd/sub; cp ain dd/sub/2\n    deps: [ain]\n    outs: [p.yaml, dd]\n"
        "  b:\n    cmd: echo ${n:-1} > bout\n    deps: [dd/sub/2]\n    params: [{p.yaml: [lr]}]\n    outs: [bout]\n",
    )
    ws.write("ain", "lr: 1\n")
    other = pushed(ws, tmp_path)
    assert "2 unchanged" in other.mltrack("repro", "--pull").out and not other.exists(
        "dd"
    )
    other.write("params.yaml", "n: 2\n")
    assert "1 ran, 1 unchanged" in other.mltrack(
        "repro", "--pull"
    ).out and other.exists("dd/sub/2")


def test_pull_runs_what_made_an_output_that_nobody_has(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cp ain aout\n    deps: [ain]\n    outs: [aout: {push: false}]\n"
        "  b:\n    cmd: cat aout in > bout\n    deps: [aout, in]\n    outs: [bout]\n",
    )
    ws.write("ain", "1")
    ws.write("in", "1")
    other = pushed(ws, tmp_path)
    other.write("in", "2")
    other.mltrack("repro", "--pull")
    assert other.read("bout") == "12"


def test_pull_completes_a_dependency_that_holds_tracked_data_or_outputs(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("data/images/1", "x")
    ws.write("w/src", "s")
    ws.mltrack("add", "data/images")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: date +%N > w/gen\n    outs: [w/gen]\n"
        "  b:\n    cmd: ls data w > bout; date +%N >> bout\n    deps: [data, w]\n    outs: [bout]\n",
    )
    other = pushed(ws, tmp_path)
    assert "2 unchanged" in other.mltrack("repro", "--pull").out
