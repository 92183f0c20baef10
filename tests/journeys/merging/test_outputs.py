"""Outputs that git keeps: of two results neither is one of the merged code, and nobody
edits them line by line.
"""

from pathlib import Path

import pytest

from tests.support.workspace import Workspace

STAGES = """stages:
  s:
    cmd: 'mkdir -p "my plots"; echo "acc: ${v}" > m.yaml; printf "x,y\\n1,${v}\\n" > "my plots/p.csv"; echo ${v} > o'
    outs: [o, {my plots: {cache: false}}]
    metrics: [{m.yaml: {cache: false}}]
"""


@pytest.fixture(params=["", "sub/"])
def both(ws: Workspace, request: pytest.FixtureRequest) -> Workspace:
    """Two branches that ran a stage with different params, the pipeline at the top or
    below.
    """
    where = request.param
    ws.write(f"{where}mltrack.yaml", STAGES)
    for branch, value in (("main", 0), ("left", 1), ("main", 2)):
        if branch == "left":
            ws.git("checkout", "-q", "-b", "left")
        elif value:
            ws.git("checkout", "-q", "main")
        ws.write(
            f"{where}params.yaml", f"v: {value}\nother: {0 if value == 1 else value}\n"
        )
        ws.mltrack("repro")
        ws.commit(f"{branch} {value}")
    ws.where = where  # type: ignore[attr-defined]
    return ws


def at(ws: Workspace, path: str) -> str:
    return f"{ws.where}{path}"  # type: ignore[attr-defined]


def test_a_merge_keeps_ours_until_repro(both: Workspace) -> None:
    both.write(at(both, "params.yaml"), "v: 3\nother: 3\n")
    merged = both.git("merge", "left", code=None)
    assert "m.yaml" not in both.git("diff", "--name-only", "--diff-filter=U").out, (
        merged.said
    )
    assert (
        both.read(at(both, "m.yaml")) == "acc: 2\n"
        and both.read(at(both, "my plots/p.csv")) == "x,y\n1,2\n"
    )
    assert "kept ours" in merged.said


def test_repro_writes_them_anew(both: Workspace) -> None:
    both.git("merge", "-q", "left", code=None)
    both.write(at(both, "params.yaml"), "v: 3\nother: 3\n")
    both.git("add", "-A")
    both.git("commit", "-q", "--no-edit")
    assert "s" in both.mltrack("status").out
    both.mltrack("repro")
    assert (
        both.read(at(both, "m.yaml")) == "acc: 3\n"
        and both.read(at(both, "o")) == "3\n"
    )


OUTPUTS = ("m.yaml", "my plots/p.csv")


def test_without_hooks_resolve_does_the_same(both: Workspace) -> None:
    both.git("config", "--remove-section", "merge.mltrack-output")
    both.git("merge", "-q", "left", code=None)
    assert "<<<<<<<" in both.read(at(both, "m.yaml"))
    both.write(at(both, "params.yaml"), "v: 2\nother: 2\n")
    both.mltrack("resolve")
    for path in OUTPUTS:
        assert "<<<<<<<" not in both.read(at(both, path)), path
    assert both.read(at(both, "m.yaml")) == "acc: 2\n"
    both.git("add", "-A")
    both.git("commit", "-q", "--no-edit")
    both.mltrack("repro")
    both.mltrack("status", "--check")


def test_resolve_takes_theirs_if_told_to(both: Workspace) -> None:
    both.git("config", "--remove-section", "merge.mltrack-output")
    both.git("merge", "-q", "left", code=None)
    both.mltrack("resolve", "--theirs", at(both, "m.yaml"))
    assert both.read(at(both, "m.yaml")) == "acc: 1\n"
    assert '"s"' not in both.read(at(both, "mltrack.lock")), (
        "of neither code is that a result"
    )


def test_conflict_markers_are_not_committed(both: Workspace) -> None:
    both.git("config", "--remove-section", "merge.mltrack-output")
    both.git("merge", "-q", "left", code=None)
    both.git("add", "-A")
    refused = both.git("commit", "-q", "--no-edit", code=1)
    assert at(both, "m.yaml") in refused.err and "mltrack resolve" in refused.err
    both.write(at(both, "params.yaml"), "v: 2\n")
    both.mltrack("resolve")
    both.git("add", "-A")
    both.git("commit", "-q", "--no-edit")


def test_a_heading_is_no_conflict(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: 'printf \"Title\\n=======\\n\" > r.md', outs: [{r.md: {cache: false}}]}\n",
    )
    ws.mltrack("repro")
    ws.commit()
    assert ws.mltrack("resolve").out == "No conflicts.\n"


def test_what_was_an_output_once_is_merged_as_git_does(both: Workspace) -> None:
    pipeline = STAGES.replace("    metrics: [{m.yaml: {cache: false}}]\n", "")
    for branch, text in (
        ("left", "acc: 1\n\n\n\n\nleft\n"),
        ("main", "right\n\n\n\n\nacc: 2\n"),
    ):
        both.git("checkout", "-q", branch)
        both.write(at(both, "mltrack.yaml"), pipeline)
        both.write(at(both, "params.yaml"), "v: 2\n")
        both.mltrack("repro")
        both.write(at(both, "m.yaml"), text)
        both.commit(branch)
    both.git("merge", "-q", "left", code=1)
    assert "<<<<<<<" in both.read(at(both, "m.yaml"))


def test_a_clone_merges_so_after_init(both: Workspace, tmp_path: Path) -> None:
    clone = both.clone(tmp_path / "clone")
    clone.git("config", "user.email", "a@example.org")
    clone.git("config", "user.name", "a")
    clone.mltrack("init")
    clone.git("merge", "-q", "origin/left", code=None)
    assert clone.read(at(both, "m.yaml")) == "acc: 2\n"
