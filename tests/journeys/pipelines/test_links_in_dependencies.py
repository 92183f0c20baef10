"""Links inside directory dependencies: what they lead to counts, makes edges, is in a
sandbox, or is refused.
"""

import pytest

from tests.support.workspace import Workspace

READ = "stages:\n  s: {cmd: 'find -L d -type f | sort | xargs cat > o', deps: [d], outs: [o]}\n"


def link(ws: Workspace, path: str, to: str) -> None:
    (ws.path / path).parent.mkdir(parents=True, exist_ok=True)
    (ws.path / path).symlink_to(to.replace("ROOT", str(ws.path)))


@pytest.mark.parametrize("sandbox", ["", "sandbox: true, "])
def test_a_linked_directory_of_the_project_counts_with_all_that_is_in_it(
    ws: Workspace, sandbox: str
) -> None:
    ws.write("d/a", "1\n")
    ws.write("lib/x", "2\n")
    link(ws, "d/l", "../lib")
    ws.write("mltrack.yaml", READ.replace("cmd:", sandbox + "cmd:"))
    ws.mltrack("repro")
    assert ws.read("o") == "1\n2\n"
    ws.write("lib/new", "3\n")
    ws.mltrack("repro")
    assert ws.read("o") == "1\n3\n2\n"
    (ws.path / "lib/x").unlink()
    ws.mltrack("repro")
    assert ws.read("o") == "1\n3\n"
    ws.mltrack("status", "--check")


def test_a_circle_of_links_ends(ws: Workspace) -> None:
    ws.write("d/a", "1\n")
    link(ws, "d/e/up", "..")
    link(ws, "d/self", "self")
    link(ws, "d/one", "two")
    link(ws, "d/two", "one")
    ws.write("mltrack.yaml", "stages:\n  s: {cmd: cat d/a > o, deps: [d], outs: [o]}\n")
    ws.mltrack("repro")
    ws.mltrack("status", "--check")
    ws.write("d/a", "2\n")
    ws.mltrack("repro")
    assert ws.read("o") == "2\n"


def test_a_link_that_leads_nowhere_is_looked_at_again(ws: Workspace) -> None:
    ws.write("d/a", "1\n")
    link(ws, "d/l", "../later")
    ws.write("mltrack.yaml", READ)
    for text, result in ((None, "1\n"), ("5\n", "1\n5\n"), (None, "1\n")):
        (ws.path / "later").unlink(missing_ok=True)
        if text is not None:
            ws.write("later", text)
        ws.mltrack("repro")
        assert ws.read("o") == result


@pytest.mark.parametrize(
    "kind", ["file", "directory", "file behind a link", "directory behind a link"]
)
def test_what_lies_outside_the_project_counts_or_is_refused(
    ws: Workspace, kind: str
) -> None:
    ws.write("d/a", "1\n")
    ws.write("../outside/x", "2\n")
    to = str(ws.path.parent / ("outside/x" if "file" in kind else "outside"))
    if "behind" in kind:
        link(ws, "hop", to)
        to = "../hop"
    link(ws, "d/l", to)
    ws.write("mltrack.yaml", READ)
    if ws.mltrack("repro", code=None).code == 0:
        ws.write("../outside/x", "3\n")
        ws.mltrack("repro")
        assert ws.read("o") == "1\n3\n"
    else:
        assert not ws.exists("o")


S = "  s: {cmd: 'cat d/l > o', deps: [d], outs: [o]}\n"
A = "  a: {cmd: 'mkdir -p x; cat in > x/out', deps: [in], outs: [x/out]}\n"
ways = pytest.mark.parametrize(
    "way", ["../x/out", "ROOT/x/out", "../hop", "../door/out"]
)


def project(ws: Workspace, way: str, stages: str) -> None:
    ws.write("in", "1\n")
    link(ws, "hop", "x/out")
    link(ws, "door", "x")
    link(ws, "d/l", way)
    ws.write("mltrack.yaml", stages)


@ways
def test_a_link_to_an_output_that_is_not_there_yet_makes_an_edge(
    ws: Workspace, way: str
) -> None:
    project(ws, way, "stages:\n" + S + A)
    ws.mltrack("repro")
    assert ws.read("o") == "1\n"


@ways
@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_link_to_an_output_makes_an_edge(ws: Workspace, way: str, jobs: str) -> None:
    project(ws, way, "stages:\n" + S + A)
    ws.mltrack("repro", "a")
    ws.mltrack("repro")
    ws.write("in", "2\n")
    ws.mltrack("repro", "-j", jobs)
    assert ws.read("o") == "2\n"
    ws.mltrack("status", "--check")


def test_a_link_to_a_directory_that_an_output_will_stand_in_makes_an_edge(
    ws: Workspace,
) -> None:
    ws.write("in", "1\n")
    (ws.path / "x").mkdir()
    link(ws, "d/l", "../x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: cat d/l/out > o, deps: [d], outs: [o]}\n" + A,
    )
    ws.mltrack("repro")
    ws.write("in", "2\n")
    ws.mltrack("repro")
    assert ws.read("o") == "2\n"
    ws.mltrack("status", "--check")


def test_a_dependency_behind_a_linked_directory_follows_the_link_when_it_turns(
    ws: Workspace,
) -> None:
    ws.write("one/f", "1\n")
    ws.write("two/f", "2\n")
    link(ws, "via", "one")
    ws.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat via/f > o, deps: [via/f], outs: [o]}\n"
    )
    ws.mltrack("repro")
    (ws.path / "via").unlink()
    link(ws, "via", "two")
    ws.mltrack("repro")
    assert ws.read("o") == "2\n"


def test_stages_stay_joined_where_a_directory_was_restored_as_links(
    ws: Workspace,
) -> None:
    ws.mltrack("config", "--local", "cache.link", "symlink")
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  c: {cmd: cat o > p, deps: [o], outs: [p]}\n  b: {cmd: cat x/f > o, deps: [x/f], outs: [o]}\n"
        "  a: {cmd: 'mkdir -p x; cat in > x/f', deps: [in], outs: [x]}\n",
    )
    ws.mltrack("repro")
    ws.run(["rm", "-rf", "x", "o", "p"])
    ws.mltrack("repro")
    assert (ws.path / "x/f").is_symlink()
    ws.write("in", "2\n")
    ws.mltrack("repro")
    assert ws.read("p") == "2\n"


def test_a_directory_whose_name_begins_with_two_dots_lies_in_the_project(
    ws: Workspace,
) -> None:
    (ws.path / "link").symlink_to("..out")
    ws.write(
        "mltrack.yaml",
        "stages:\n"
        "  b: {cmd: cat link/x > b, deps: [link], outs: [b]}\n"
        "  a: {cmd: mkdir ..out && echo 1 > ..out/x, outs: [..out]}\n",
    )
    assert "2 ran" in ws.mltrack("repro").out
    assert ws.read("b") == "1\n"
    ws.write("..data/x", "2\n")
    ws.mltrack("add", "..data")
    assert ws.exists("..data.mlt")


def test_a_name_that_begins_with_two_dots_lies_in_the_project(ws: Workspace) -> None:
    ws.write("..lib/x", "1\n")
    link(ws, "d", "..lib")
    ws.write("mltrack.yaml", READ)
    ws.mltrack("repro")
    ws.write("..lib/x", "2\n")
    ws.mltrack("repro")
    assert ws.read("o") == "2\n"
    ws.mltrack("add", "..lib")
    assert ws.exists("..lib.mlt")
