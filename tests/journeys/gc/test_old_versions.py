"""gc of versions that are still in history frees only what a remote holds."""

from tests.support.stored import LARGE, age, cached
from tests.support.workspace import Workspace


def test_gc_keep_last_frees_old_versions_only_when_a_remote_holds_them(
    two: Workspace,
) -> None:
    age(two)
    two.git("tag", "-d", "v1")
    assert "no remote holds them" in two.mltrack("gc", "--keep-last", "1", code=1).err
    two.mltrack("push")
    assert "no remote holds them" in two.mltrack("gc", "--keep-last", "1", code=1).err
    two.mltrack("push", "--all-branches", "--rev", "HEAD~1")
    before = cached(two)
    freed = two.mltrack("gc", "--keep-last", "1", "--json").json
    assert freed["bytes"] > len(LARGE) and cached(two) < before
    two.git("checkout", "--quiet", "HEAD~1", MLTRACK_HOOKS="0")
    two.mltrack("pull")
    assert two.read("data/0") == "file 0"


def test_gc_keeps_tags_and_named_revisions(two: Workspace) -> None:
    age(two)
    assert (
        two.mltrack("gc", "--keep-last", "1", "--json", "--dry-run").json["objects"]
        == 0
    )
    assert (
        two.mltrack("gc", "--rev", "v1", "--json", "--dry-run", "--force").json[
            "objects"
        ]
        == 0
    )
    assert (
        two.mltrack("gc", "--rev", "HEAD", "--json", "--dry-run", "--force").json[
            "objects"
        ]
        > 0
    )
