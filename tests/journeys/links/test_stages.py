"""Stages see through links to the cache, and an output that is one is still theirs."""

import pytest

from tests.support.steps import begin_pipeline
from tests.support.workspace import Workspace


@pytest.mark.parametrize("link", ["symlink", "hardlink"])
@pytest.mark.parametrize("sandbox", [False, True])
def test_stages_see_through_links_to_the_cache(
    ws: Workspace, link: str, sandbox: bool
) -> None:
    begin_pipeline(ws, link=link, sandbox=sandbox)
    ws.mltrack("repro")
    assert (ws.read("gathered.txt"), ws.read("counted.txt").strip()) == (
        "first\na\n",
        "8",
    )
    ws.mltrack("repro", "--set", "word=second")
    assert (ws.read("gathered.txt"), ws.read("counted.txt").strip()) == (
        "second\na\n",
        "9",
    )
    assert [
        step["verdict"]
        for step in ws.mltrack(
            "repro", "--set", "word=second", "--dry-run", "--json"
        ).json["steps"]
    ] == ["skip"] * 2


def test_a_restored_output_that_is_a_link_is_still_the_output_of_its_stage(
    ws: Workspace,
) -> None:
    begin_pipeline(ws, link="symlink")
    for word in ("first", "second", "first"):
        ws.write("params.yaml", f"word: {word}\n")
        ws.mltrack("repro")
    assert ws.read("gathered.txt") == "first\na\n"
    assert [
        step["verdict"]
        for step in ws.mltrack("repro", "--dry-run", "--json").json["steps"]
    ] == ["skip", "skip"]
    ws.write("params.yaml", "word: longer than before\n")
    assert [
        step["verdict"]
        for step in ws.mltrack("repro", "--dry-run", "--json").json["steps"]
    ] == ["run", "wait"]
    ws.mltrack("repro")
    assert ws.read("counted.txt").strip() == "21"
