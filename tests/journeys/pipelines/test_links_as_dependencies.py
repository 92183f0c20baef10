"""Links as dependencies, on the way to one, and behind one another: what they lead to
is looked at.
"""

from tests.support.workspace import Workspace


def test_what_a_link_in_a_dependency_leads_to_is_part_of_it(ws: Workspace) -> None:
    ws.write("lib/c.py", "1")
    ws.write("lib/more/d.py", "1")
    ws.write("src/a.py", "1")
    (ws.path / "src/c.py").symlink_to("../lib/c.py")
    (ws.path / "src/more").symlink_to("../lib/more")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat src/c.py src/more/d.py > out\n    deps: [src]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("lib/c.py", "2")
    assert "1 ran" in ws.mltrack("repro").out
    ws.write("lib/more/d.py", "2")
    assert "1 ran" in ws.mltrack("repro").out and ws.read("out") == "22"


def test_a_dependency_that_is_a_link_to_an_output_waits_for_its_stage(
    ws: Workspace,
) -> None:
    (ws.path / "link").symlink_to("a.out")
    ws.write(
        "mltrack.yaml",
        "stages:\n  b:\n    cmd: cat link > b.out\n    deps: [link]\n    outs: [b.out]\n"
        "  a:\n    cmd: cp x a.out\n    deps: [x]\n    outs: [a.out]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("b.out") == value


def test_a_dependency_inside_an_output_may_hold_links_to_its_siblings(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  make:\n    cmd: mkdir -p d/a d/b && echo 1 > d/b/f && ln -s ../b/f d/a/l\n    outs: [d]\n"
        "  use:\n    cmd: cat d/a/l > o\n    deps: [d/a]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    assert "2 unchanged" in ws.mltrack("repro").out


def test_links_in_a_part_of_tracked_data_are_seen_through(ws: Workspace) -> None:
    ws.write("data/common/x", "1")
    (ws.path / "data/train").mkdir()
    (ws.path / "data/train/x").symlink_to("../common/x")
    ws.mltrack("add", "data")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data/train/x > out\n    deps: [data/train]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    ws.write("data/common/x", "2")
    ws.mltrack("add", "data")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_links_behind_links_are_seen_and_circles_end(ws: Workspace) -> None:
    ws.write("other/f", "1")
    for place in ("d", "shared"):
        (ws.path / place).mkdir()
    (ws.path / "shared/y").symlink_to("../other")
    (ws.path / "shared/back").symlink_to("../d")
    (ws.path / "d/x").symlink_to("../shared")
    (ws.path / "d/loop").symlink_to("loop")
    (ws.path / "d/dangling").symlink_to("nowhere")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat d/x/y/f > out\n    deps: [d]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("other/f", "2")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_a_stage_that_reads_an_output_through_a_link_in_a_directory_is_looked_at_after_it_was_written(
    ws: Workspace,
) -> None:
    (ws.path / "d").mkdir()
    (ws.path / "d/w").symlink_to("../wout")
    ws.write("src", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  w:\n    cmd: cat src > wout\n    deps: [src]\n    outs: [wout]\n"
        "  z:\n    cmd: cat d/w > out\n    deps: [d]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "w")
    ws.mltrack("repro")
    ws.write("src", "2")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_dependencies_and_lock_files_are_reached_through_linked_directories(
    ws: Workspace,
) -> None:
    (ws.path / "o").mkdir()
    (ws.path / "real").mkdir()
    (ws.path / "lnk").symlink_to("o")
    (ws.path / "way").symlink_to("real")
    ws.write("real/f", "1")
    ws.write("src", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cat lnk/uv.lock way/f > out\n    deps: [way/f]\n    env: {lock: lnk/uv.lock}\n    outs: [out]\n"
        "  w:\n    cmd: cat src > o/uv.lock\n    deps: [src]\n    outs: [o/uv.lock]\n",
    )
    for value in ("1", "2"):
        ws.write("src", value)
        ws.mltrack("repro")
        assert ws.read("out") == f"{value}1"
