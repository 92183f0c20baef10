"""Branches merge by git merge; what both sides changed is a conflict for resolve."""

from tests.support.workspace import Workspace


def test_branches_that_add_different_files_merge_by_git_merge_alone(
    ws: Workspace,
) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/left", "left")
    ws.write("data/sub/l", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/right", "right")
    ws.write("data/sub/r", "right")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("merge", "--quiet", "--no-edit", "left")
    assert set(ws.files("data")) == {
        "data/base",
        "data/left",
        "data/right",
        "data/sub",
        "data/sub/l",
        "data/sub/r",
    }
    assert "Nothing changed" in ws.mltrack("status").out
    pointer = ws.read("data.mlt")
    assert (
        "unchanged data" in ws.mltrack("add", "data").out
        and ws.read("data.mlt") == pointer
    )


def test_branches_that_change_different_stages_merge_by_git_merge_alone(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "a: 1\nspace: 1\nmore: 1\nb: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: echo ${a} > a\n    params: [a]\n    outs: [a]\n"
        "  b:\n    cmd: echo ${b} > b\n    params: [b]\n    outs: [b]\n"
        "  both:\n    cmd: cat a b > c\n    deps: [a, b]\n    outs: [c]\n",
    )
    ws.mltrack("repro")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("params.yaml", "a: 2\nspace: 1\nmore: 1\nb: 1\n")
    ws.mltrack("repro")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("params.yaml", "a: 1\nspace: 1\nmore: 1\nb: 2\n")
    ws.mltrack("repro")
    ws.commit()
    merged = ws.git("merge", "--quiet", "--no-edit", "left")
    # its result was recorded for neither side's inputs together
    assert "both" in merged.err
    done = ws.mltrack("repro")
    assert (
        "a: unchanged" in done.err
        and "b: unchanged" in done.err
        and "both: running" in done.err
    )
    assert ws.read("c") == "2\n2\n"


def conflict(ws: Workspace) -> None:
    ws.write("data/f", "base")
    ws.write("data/g", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/f", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/f", "right")
    ws.mltrack("add", "data")
    ws.commit()


def test_a_file_that_both_sides_changed_is_a_conflict_for_resolve(
    ws: Workspace,
) -> None:
    conflict(ws)
    merged = ws.git("merge", "--quiet", "--no-edit", "left", code=None)
    assert merged.code == 1 and "data/f" in merged.err
    status = ws.mltrack("status", code=3)
    assert (
        "data.mlt:" in status.err
        and "conflict markers" in status.err
        and "hint: mltrack resolve data.mlt" in status.err
    )
    refused = ws.mltrack("resolve", code=1)
    assert "data/f" in refused.err and "--ours" in refused.err
    ws.mltrack("resolve", "--theirs")
    ws.git("commit", "--quiet", "--no-edit")
    ws.mltrack("checkout")
    assert ws.read("data/f") == "left"


def test_gc_keeps_both_sides_of_a_conflict(ws: Workspace) -> None:
    conflict(ws)
    ws.git("merge", "--quiet", "--no-edit", "left", code=None)
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc", code=1)  # an unreadable pointer: nothing is deleted
    ws.mltrack("resolve", "--theirs")
    ws.mltrack("checkout")
    assert ws.read("data/f") == "left"


def test_resolve_settles_markers_that_came_without_a_driver(ws: Workspace) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "left")
    ws.write("data/left", "left")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/right", "right")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("config", "--remove-section", "merge.mltrack-pointer")
    assert ws.git("merge", "--quiet", "--no-edit", "left", code=None).code == 1
    assert "resolved data.mlt" in ws.mltrack("resolve").out
    ws.git("commit", "--quiet", "--no-edit")
    ws.mltrack("checkout")
    assert set(ws.files("data")) == {"data/base", "data/left", "data/right"}


def test_resolve_takes_a_side_only_where_both_changed_the_same_file(
    ws: Workspace,
) -> None:
    for side in ("--ours", "--theirs"):
        ws.write("d/c", f"base {side}")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("checkout", "--quiet", "-b", f"left{side}")
        ws.write("d/c", "left")
        ws.write(f"d/left{side}", "left")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("checkout", "--quiet", "main")
        ws.write("d/c", "main")
        ws.write(f"d/main{side}", "main")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("merge", "--quiet", "--no-edit", f"left{side}", code=None)
        ws.mltrack("resolve", side)
        assert ws.read("d/c") == ("main" if side == "--ours" else "left")
        assert ws.exists(f"d/left{side}") and ws.exists(f"d/main{side}")
        ws.git("commit", "--quiet", "--no-edit")
        assert "Nothing changed" in ws.mltrack("status").out
