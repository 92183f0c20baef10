"""Commands that read take `--repo`: they say of another project what they say of one's
own.
"""

import pytest

from tests.support.workspace import Workspace


@pytest.fixture(params=["its path", "its address"])
def place(request: pytest.FixtureRequest, theirs: Workspace) -> str:
    path = str(theirs.path)
    return path if request.param == "its path" else f"file://{path}"


def test_what_is_listed_and_printed(mine: Workspace, place: str) -> None:
    tracked = mine.mltrack("ls", "--repo", place, "--json").json["tracked"]
    assert [item["path"] for item in tracked] == [
        "data/images",
        "data/table.csv",
        "metrics.json",
        "model.bin",
    ]
    inner = mine.mltrack("ls", "data/images", "--repo", place, "--json").json["tracked"]
    assert len(inner) == 20
    cat = ("cat", "data/images/1.png", "--repo", place)
    assert mine.mltrack(*cat).out == "another\n"
    assert mine.mltrack(*cat, "--rev", "v1").out == "image 1\n"
    assert mine.mltrack("cat", "tool.py", "--repo", place).out == "print(1)\n"


def test_revisions_are_compared(mine: Workspace, place: str) -> None:
    found = mine.mltrack("diff", "v1", "HEAD", "--repo", place, "--json").json["files"]
    assert [(item["path"], item["change"]) for item in found] == [
        ("data/images/1.png", "modified")
    ]
    shown = mine.mltrack("metrics", "show", "v1", "--repo", place, "--json").json
    assert "0.5" in str(shown)
    assert mine.mltrack("metrics", "diff", "v1", "--repo", place).code == 0
    assert mine.mltrack("params", "show", "--repo", place).code == 0
    sizes = mine.mltrack("du", "--repo", place, "--json").json["targets"]
    assert {item["path"]: item["files"] for item in sizes}["data/images"] == 20
