"""Two branches that begin to track different things: their lines in `.gitignore` come
together.
"""

from tests.support.workspace import Workspace


def test_two_branches_that_add_different_paths_merge(ws: Workspace) -> None:
    ws.git("checkout", "-qb", "other")
    for branch, name in (("other", "x"), ("main", "y")):
        ws.git("checkout", "-q", branch)
        ws.write(f"data/{name}", f"{name}\n")
        ws.mltrack("add", f"data/{name}")
        ws.git("add", "-A")
        ws.git("commit", "-qm", name)
    ws.git("merge", "-q", "other", "-m", "both")
    assert ws.read("data/x") == "x\n" and ws.read("data/y") == "y\n"
    assert ws.git("status", "--porcelain").out == ""


def test_what_moves_and_goes_is_staged_whole_by_what_it_says(ws: Workspace) -> None:
    ws.write("data/a", "1\n")
    ws.mltrack("add", "data/a")
    ws.git("add", "-A")
    ws.git("commit", "-qm", "a")
    for words in (("move", "data/a", "b"), ("remove", "--data", "b")):
        line = ws.mltrack(*words).err.partition("For git: ")[2].splitlines()[0]
        assert ".gitignore" in line and line.startswith("git add ")
        ws.run(["sh", "-c", line])
        left = ws.git("status", "--porcelain").out
        assert all(row[1] == " " and row[0] != "?" for row in left.splitlines()), left
        ws.git("commit", "-qm", words[0])


def test_data_that_is_kept_and_no_longer_ignored_is_told(ws: Workspace) -> None:
    ws.write("a", "1\n")
    ws.mltrack("add", "a")
    said = ws.mltrack("remove", "a").err
    assert "`git add .` would take them" in said
