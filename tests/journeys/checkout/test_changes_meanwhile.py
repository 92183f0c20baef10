"""checkout looks again before it replaces or removes: what somebody did meanwhile is
kept, and named.
"""

import sys

import pytest

from tests.support.workspace import Done, Workspace


def while_it_works(
    ws: Workspace, event: str, prefix: str, command: str, *arguments: str
) -> Done:
    done = ws.run(
        [
            sys.executable,
            "-P",
            "-m",
            "tests.support.meanwhile",
            event,
            prefix,
            command,
            *arguments,
        ]
    )
    assert done.code != 99, f"there was no {event} of {prefix}*\n{done.said}"
    assert "Traceback" not in done.said, done.said
    return done


@pytest.fixture
def two(ws: Workspace) -> Workspace:
    """A directory in two versions; the first is checked out, the second is wanted."""
    ws.write("d/a", "a1\n")
    ws.write("d/gone", "gone1\n")
    ws.write("d/dir/x", "x1\n")
    ws.write("d/file", "file1\n")
    ws.write("d/z", "z1\n")
    ws.mltrack("add", "d")
    ws.commit("1", tag="v1")
    ws.write("d/a", "a2\n")
    (ws.path / "d/gone").unlink()
    (ws.path / "d/dir/x").unlink()
    (ws.path / "d/dir").rmdir()
    ws.write("d/dir", "a file now\n")
    (ws.path / "d/file").unlink()
    ws.write("d/file/y", "a directory now\n")
    ws.write("d/new", "new2\n")
    ws.write("d/z", "z2\n")
    ws.mltrack("add", "d")
    ws.commit("2", tag="v2")
    ws.git("checkout", "-q", "v1")
    ws.git("checkout", "-q", "v2", MLTRACK_HOOKS="0")
    assert ws.read("d/z") == "z1\n"
    return ws


MOMENTS = [("open", ".mlt-"), ("os.rename", ".mlt-")]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("d/z", "echo mine > d/z"),
        ("d/z", "echo mine >> d/z"),
        ("d/z", "echo mine > t; mv t d/z"),
        ("d/gone", "echo mine > d/gone"),
        ("d/gone", "echo mine > t; mv t d/gone"),
        ("d/new", "echo mine > d/new"),
        ("d/dir/x", "echo mine > d/dir/x"),
        ("d/dir/fresh", "echo mine > d/dir/fresh"),
        ("d/dir/deep/er", "mkdir d/dir/deep; echo mine > d/dir/deep/er"),
        ("d/file", "echo mine > d/file"),
        ("d/z/inside", "rm d/z; mkdir d/z; echo mine > d/z/inside"),
        ("d/gone/inside", "rm d/gone; mkdir d/gone; echo mine > d/gone/inside"),
        ("d/new/inside", "mkdir d/new; echo mine > d/new/inside"),
    ],
)
def test_what_is_written_meanwhile_is_kept_and_named(
    two: Workspace, path: str, command: str
) -> None:
    done = while_it_works(two, *MOMENTS[1], command, "checkout")
    assert two.exists(path), done.said
    assert "mine" in two.read(path)
    assert done.code in (1, 3)
    assert path.split("/")[1] in done.said
    two.mltrack("checkout", "--force")  # and then all is as it was wanted
    two.mltrack("status", "--check")
    assert two.read("d/z") == "z2\n" and two.read("d/dir") == "a file now\n"


moments = pytest.mark.parametrize(
    ("event", "prefix"),
    MOMENTS,
    ids=["when it begins to write", "when it begins to rename"],
)


@moments
@pytest.mark.parametrize("path", ["d/z", "d/gone", "d/new"])
def test_what_became_a_link_meanwhile_stays_one_and_nothing_is_written_through_it(
    two: Workspace, event: str, prefix: str, path: str
) -> None:
    two.write("../precious", "precious\n")
    done = while_it_works(
        two, event, prefix, f"rm -f {path}; ln -s ../../precious {path}", "checkout"
    )
    assert (two.path / path).is_symlink(), done.said
    assert two.read("../precious") == "precious\n"
    assert done.code in (1, 3)


@moments
@pytest.mark.parametrize("path", ["d", "d/dir"])
def test_a_directory_that_became_a_link_meanwhile_leads_nobody_out(
    two: Workspace, event: str, prefix: str, path: str
) -> None:
    two.write("../precious/x", "precious\n")
    two.write("../precious/z", "precious\n")
    two.write("../precious/gone", "precious\n")
    while_it_works(
        two,
        event,
        prefix,
        f"mv {path} moved; ln -s {two.path.parent}/precious {path}",
        "checkout",
    )
    assert {
        name: two.read(f"../precious/{name}") for name in ("x", "z", "gone")
    } == dict.fromkeys(("x", "z", "gone"), "precious\n")


@moments
def test_what_is_deleted_meanwhile_is_no_hindrance(
    two: Workspace, event: str, prefix: str
) -> None:
    while_it_works(two, event, prefix, "rm -f d/z d/gone", "checkout")
    two.mltrack("checkout")
    two.mltrack("checkout", "--force")
    assert two.read("d/z") == "z2\n" and not two.exists("d/gone")
    two.mltrack("status", "--check")


@moments
def test_what_is_recorded_meanwhile_is_not_put_back(
    two: Workspace, event: str, prefix: str
) -> None:
    two.write("other", "old\n")
    two.mltrack("add", "other")
    two.write("z.bin", "old\n")
    two.mltrack("add", "z.bin")
    two.commit()
    mltrack = f"{sys.executable} -P -m mltrack -q"
    while_it_works(
        two, event, prefix, f"echo newer > z.bin; {mltrack} add z.bin", "checkout"
    )
    assert two.read("z.bin") == "newer\n"
    two.mltrack("status", "z.bin", "--check")


@moments
def test_a_forced_checkout_saves_what_is_written_meanwhile_or_leaves_it(
    two: Workspace, event: str, prefix: str
) -> None:
    two.write("d/a", "edited before\n")
    while_it_works(two, event, prefix, "echo mine > d/z", "checkout", "--force")
    if two.read("d/z") != "mine\n":
        two.mltrack("undo")
    assert two.read("d/z") == "mine\n"


@moments
def test_git_checkout_keeps_what_is_written_meanwhile(
    two: Workspace, event: str, prefix: str
) -> None:
    """The hook is the same code; here as git calls it."""
    two.mltrack("checkout")
    two.write("f", "x\n")
    before, after = (two.git("rev-parse", tag).out.strip() for tag in ("v2", "v1"))
    two.git("checkout", "-q", "v1", MLTRACK_HOOKS="0")
    done = while_it_works(
        two,
        event,
        prefix,
        "echo mine > d/z",
        "hook",
        "post-checkout",
        before,
        after,
        "1",
    )
    assert two.read("d/z") == "mine\n", done.said
    assert "z" in done.said


@moments
def test_repro_keeps_what_is_written_meanwhile_over_an_output_it_restores(
    ws: Workspace, event: str, prefix: str
) -> None:
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: mkdir -p o; cp in o/a; cp in o/b, deps: [in], outs: [o]}\n",
    )
    ws.mltrack("repro")
    ws.write("in", "2\n")
    ws.mltrack("repro")
    ws.write("in", "1\n")
    done = while_it_works(ws, event, prefix, "echo mine > o/b", "repro")
    if ws.read("o/b") != "mine\n":
        ws.mltrack("undo", "o", code=None)
    assert ws.read("o/b") == "mine\n", done.said
