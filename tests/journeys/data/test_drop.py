"""drop: bytes leave the cache only where a remote holds them, unless told otherwise."""

import shutil

from tests.support.stored import age, cached
from tests.support.workspace import Workspace


def test_drop_refuses_what_no_remote_holds_and_frees_it_once_it_is_pushed(
    two: Workspace,
) -> None:
    before = cached(two)
    refused = two.mltrack("drop", "data", code=1)
    assert "in no remote" in refused.err and "mltrack push" in refused.err
    assert cached(two) == before
    two.mltrack("push")
    would = two.mltrack("drop", "data", "--dry-run", "--json").json
    assert would["objects"] == 11 and cached(two) == before
    two.mltrack("drop", "data")
    assert cached(two) < before
    assert (
        "Nothing changed" in two.mltrack("status").out
        or "not in the cache" in two.mltrack("status").out
    )
    two.mltrack("fetch")
    shutil.rmtree(two.path / "data")
    two.mltrack("checkout")
    assert two.read("data/0") == "second version"


def test_drop_by_age_leaves_what_is_young(two: Workspace) -> None:
    two.mltrack("push")
    assert two.mltrack("drop", "--older-than", "7", "--json").json["objects"] == 0
    age(two)
    assert two.mltrack("drop", "--older-than", "7", "--json").json["objects"] == 11


def test_drop_keeps_what_another_target_needs_and_wants_a_name(two: Workspace) -> None:
    two.write("copy", "file 1")
    two.mltrack("add", "copy")
    two.mltrack("push")
    assert two.mltrack("drop", "data", "--json").json["objects"] == 10
    shutil.rmtree(two.path / "data")
    (two.path / "copy").unlink()
    two.mltrack("checkout", "copy")
    assert two.read("copy") == "file 1"
    two.mltrack("drop", code=2)


def test_drop_by_force_says_what_is_lost(two: Workspace) -> None:
    done = two.mltrack("drop", "data", "--force", "--json").json
    assert len(done["lost"]) == 11 and done["objects"] == 11


def test_drop_of_one_path_does_not_need_the_rest_of_another(clone: Workspace) -> None:
    clone.mltrack("pull", "d/sub/3")
    clone.mltrack("pull", "model.bin")
    assert clone.mltrack("drop", "model.bin", "--json").json["objects"] == 1
    clone.mltrack("pull")
    assert clone.read("model.bin") == "model\n"
