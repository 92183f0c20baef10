"""Files that .mltrackignore leaves out: what its lines say, and that such files are
nobody's to remove.
"""

import pytest

from tests.support.workspace import Workspace


def test_mltrackignore_leaves_files_out_of_tracked_directories(ws: Workspace) -> None:
    ws.write(".mltrackignore", "*.tmp\nscratch/\n")
    ws.write("data/a", "1")
    ws.write("data/b.tmp", "1")
    ws.write("data/scratch/c", "1")
    ws.mltrack("add", "data")
    listed = ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
    assert [item["path"] for item in listed] == ["data/a"]
    assert "Nothing changed" in ws.mltrack("status").out


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ("*\n!*.npy\n!*/\n", ["data/a.npy", "data/d/c.npy"]),
        (
            "data/d/**\n!data/d/keep.json\n",
            ["data/a.npy", "data/b.txt", "data/d/keep.json"],
        ),
        # nothing comes back from a directory left out
        ("data/d/\n!data/d/keep.json\n", ["data/a.npy", "data/b.txt"]),
        ("*.npy \r\n#b.txt\n\\#c\n", ["data/b.txt", "data/d/keep.json"]),
    ],
)
def test_mltrackignore_brings_back_what_a_later_line_negates(
    ws: Workspace, patterns: str, kept: list[str]
) -> None:
    for name in ("a.npy", "b.txt", "d/c.npy", "d/keep.json"):
        ws.write(f"data/{name}", name)
    (ws.path / ".mltrackignore").write_text(patterns, newline="")
    ws.mltrack("add", "data")
    assert [
        i["path"]
        for i in ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
        if i["kind"] == "file"
    ] == kept


def test_a_mltrackignore_further_down_speaks_for_what_is_below_it(
    ws: Workspace,
) -> None:
    ws.write(".mltrackignore", "*.tmp\n")
    ws.write("data/.mltrackignore", "!keep.tmp\n/own\n")
    for name in ("keep.tmp", "x.tmp", "own", "sub/own", "sub/keep.tmp"):
        ws.write(f"data/{name}", name)
    ws.mltrack("add", "data")
    listed = [
        i["path"]
        for i in ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
        if i["kind"] == "file"
    ]
    assert listed == [
        "data/.mltrackignore",
        "data/keep.tmp",
        "data/sub/keep.tmp",
        "data/sub/own",
    ]
    assert ws.mltrack("check-ignore", "data/own", "data/keep.tmp").out.splitlines() == [
        "data/.mltrackignore:2:/own    data/own"
    ]
    ws.write("data/.mltrackignore", "")
    assert "modified" in ws.mltrack("status").out


def test_check_ignore_names_the_line(ws: Workspace) -> None:
    ws.write(".mltrackignore", "# junk\n*.tmp\n/data/old/\n!keep.tmp\n")
    result = ws.mltrack(
        "check-ignore",
        "data/a.tmp",
        "data/old/x",
        "data/keep.tmp",
        "data/b",
        "data/.git",
    )
    assert result.out.splitlines() == [
        ".mltrackignore:2:*.tmp    data/a.tmp",
        ".mltrackignore:3:/data/old/    data/old/x",
        "names of git and mltrack    data/.git",
    ]
    ws.mltrack("check-ignore", "data/b", code=1)


def test_ignored_files_in_an_output_survive_the_run(ws: Workspace) -> None:
    ws.write(".mltrackignore", "*.tmp\n")
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: mkdir -p out && cp in out/r\n    deps: [in]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    ws.write("out/notes.tmp", "precious")
    ws.write("in", "2")
    ws.mltrack("repro")
    assert ws.read("out/notes.tmp") == "precious" and ws.read("out/r") == "2"


def test_ignored_files_survive_remove_with_data(ws: Workspace) -> None:
    ws.write(".mltrackignore", "*.tmp\n")
    ws.write("d/a", "a")
    ws.mltrack("add", "d")
    ws.write("d/n.tmp", "precious")
    ws.mltrack("remove", "--data", "d")
    assert ws.files("d") == {"d/n.tmp": "file b'precious'"}
