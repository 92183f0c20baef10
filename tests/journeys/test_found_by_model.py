"""Faults that random sequences of commands found (tests/model), each as the shortest
story that shows it.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

PIPELINE = """\
stages:
  gather:
    cmd: (echo ${word}; cat data/*) > gathered.txt
    deps: [data]
    params: [word]
    outs: [gathered.txt]
    sandbox: SANDBOX
  count:
    cmd: wc -c < gathered.txt > counted.txt
    deps: [gathered.txt]
    outs: [counted.txt]
    sandbox: SANDBOX
"""


@pytest.fixture
def origin(shared: Workspace, tmp_path: Path) -> Workspace:
    """A project with a directory and a file in git and in a remote, and a git remote;
    gc waits for nothing.
    """
    shared.mltrack("config", "gc.grace_days", "0")
    shared.mltrack("config", "gc.delay_hours", "0")
    for name in ("1", "2", "sub/3"):
        shared.write(f"d/{name}", f"{name}\n")
    shared.write("model.bin", "model\n")
    shared.mltrack("add", "d", "model.bin")
    shared.commit("data")
    shared.mltrack("push")
    shared.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    shared.git("push", "--quiet", "--set-upstream", "origin", "main")
    return shared


@pytest.fixture
def clone(origin: Workspace, tmp_path: Path) -> Workspace:
    return origin.clone(tmp_path / "clone")


def begin_pipeline(ws: Workspace, *, link: str = "", sandbox: bool = False) -> None:
    if link:
        ws.mltrack("config", "--local", "cache.link", f"{link},copy")
    ws.write("data/a", "a\n")
    ws.write("params.yaml", "word: first\n")
    ws.write(
        "mltrack.yaml", PIPELINE.replace("SANDBOX", "true" if sandbox else "false")
    )
    ws.mltrack("add", "data")


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


# what may go


def test_gc_keeps_what_only_a_reflog_names(ws: Workspace) -> None:
    ws.mltrack("config", "gc.grace_days", "0")
    ws.write("d/1", "one\n")
    ws.mltrack("add", "d")
    ws.commit("one")
    ws.write("d/1", "two\n")
    ws.mltrack("add", "d")
    ws.commit("two")
    ws.git("reset", "--quiet", "--hard", "HEAD~1")
    ws.mltrack("checkout")
    ws.mltrack("gc")
    ws.git("reset", "--quiet", "--hard", "HEAD@{1}")
    ws.mltrack("checkout")
    assert ws.read("d/1") == "two\n"


def test_a_pull_leaves_a_new_file_that_a_failed_add_looked_at(clone: Workspace) -> None:
    clone.write("d/mine", "mine\n")
    clone.mltrack("add", "d", code=1)
    clone.mltrack("pull")
    assert clone.read("d/mine") == "mine\n" and clone.read("d/1") == "1\n"


@pytest.mark.parametrize("bring", [["pull"], ["checkout", "d"]])
def test_a_pull_leaves_a_file_of_a_recorded_name_that_a_failed_add_looked_at(
    clone: Workspace, bring: list[str]
) -> None:
    clone.write("d/1", "mine\n")
    clone.mltrack("add", "d", code=1)
    clone.mltrack("fetch")
    assert "d/1" in clone.mltrack(*bring, code=1).err
    assert clone.read("d/1") == "mine\n"


def test_remove_keeps_a_new_file_that_a_failed_add_looked_at(clone: Workspace) -> None:
    clone.write("d/mine", "mine\n")
    clone.mltrack("remove", "--data", "d", code=1)
    clone.mltrack("add", "d", code=1)
    clone.mltrack("remove", "--data", "d", code=1)
    assert clone.read("d/mine") == "mine\n"


def test_drop_of_one_path_does_not_need_the_rest_of_another(clone: Workspace) -> None:
    clone.mltrack("pull", "d/sub/3")
    clone.mltrack("pull", "model.bin")
    assert clone.mltrack("drop", "model.bin", "--json").json["objects"] == 1
    clone.mltrack("pull")
    assert clone.read("model.bin") == "model\n"


# what others have


def test_fsck_does_not_miss_results_of_others_that_a_remote_holds(
    shared: Workspace, tmp_path: Path
) -> None:
    begin_pipeline(shared)
    for word in ("first", "second"):
        shared.write("params.yaml", f"word: {word}\n")
        shared.mltrack("repro")
        shared.mltrack("push")
    shared.commit("second")
    other = shared.clone(tmp_path / "other")
    other.mltrack("pull")
    assert other.mltrack("fsck", "--json").json["lacking"] == []


def test_a_git_push_sends_the_data_that_an_earlier_one_went_without(
    origin: Workspace, tmp_path: Path
) -> None:
    origin.write("model.bin", "second\n")
    origin.mltrack("add", "model.bin")
    origin.commit("second")
    origin.git("push", "--quiet", "origin", "HEAD", MLTRACK_HOOKS="0")
    origin.commit("nothing new")
    origin.git("push", "--quiet", "origin", "HEAD")
    other = origin.clone(tmp_path / "other")
    other.mltrack("pull")
    assert other.read("model.bin") == "second\n"


def test_a_git_push_fails_where_unchanged_data_of_its_tip_is_nowhere(
    origin: Workspace,
) -> None:
    origin.write("model.bin", "second\n")
    origin.mltrack("add", "model.bin")
    origin.commit("second")
    origin.git("push", "--quiet", "origin", "HEAD", MLTRACK_HOOKS="0")
    (origin.path / "model.bin").unlink()
    origin.mltrack("drop", "--force", "model.bin")
    origin.commit("nothing new")
    assert (
        "cannot be sent to store"
        in origin.git("push", "--quiet", "origin", "HEAD", code=1).err
    )


# links to the cache


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


# repairs


def packs(ws: Workspace) -> list[Path]:
    return sorted((ws.path / ".mltrack/cache/packs").glob("*.pack"))


def assert_repaired(ws: Workspace) -> None:
    """The damage is seen, repair mends it, and every byte comes back."""
    shutil.rmtree(ws.path / "d")
    ws.mltrack("fsck", code=7)
    ws.mltrack("fsck", "--repair", code=None)
    ws.mltrack("fsck")
    ws.mltrack("checkout")
    assert (ws.read("d/1"), ws.read("d/2")) == ("one\n", "two\n")


@pytest.mark.parametrize("from_end", [1, 20, 60, 100])
def test_a_pack_whose_own_index_is_damaged_is_repaired_by_the_one_beside_it(
    ws: Workspace, from_end: int
) -> None:
    ws.write("d/1", "one\n")
    ws.write("d/2", "two\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        flip(pack, -from_end)
    assert_repaired(ws)


@pytest.mark.parametrize("at", [0, 7, 8, 11, 12, 13, 14, 15])
def test_a_pack_whose_head_is_damaged_is_repaired(ws: Workspace, at: int) -> None:
    ws.write("d/1", "one\n")
    ws.write("d/2", "two\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        flip(pack, at)
    assert_repaired(ws)


def test_repair_brings_damaged_files_and_listings_back_from_a_remote(
    origin: Workspace,
) -> None:
    for pack in packs(origin):
        for at in range(20, pack.stat().st_size - 100, 30):
            flip(pack, at)
    shutil.rmtree(origin.path / "d")
    origin.mltrack("fsck", code=7)
    origin.mltrack("fsck", "--repair", code=None)
    origin.mltrack("fsck")
    origin.mltrack("checkout")
    assert origin.read("d/sub/3") == "sub/3\n"


def test_what_was_set_aside_and_is_whole_again_is_no_damage(ws: Workspace) -> None:
    ws.write("d/1", "one\n")
    ws.mltrack("add", "d")
    with_more = packs(ws)[0]
    with_more.chmod(0o644)
    with_more.write_bytes(with_more.read_bytes() + b"x")
    ws.mltrack("fsck", code=7)
    ws.mltrack("fsck", "--repair")
    ws.mltrack("fsck")
    ws.mltrack("fsck", "--repair")


def test_an_index_that_was_cut_short_is_sent_again_by_push(
    origin: Workspace, tmp_path: Path
) -> None:
    for index in (tmp_path / "store/index").iterdir():
        index.chmod(0o644)
        index.write_bytes(index.read_bytes()[:-1])
    origin.mltrack("drop", "d", code=None)
    origin.mltrack("push", code=None)
    other = origin.clone(tmp_path / "other")
    other.mltrack("pull")
    assert other.read("d/1") == "1\n"


def lose_index(ws: Workspace) -> None:
    """Leaves the bytes of a directory in the packs of the remote only, where no index
    names them.
    """
    ws.mltrack("drop", "d")
    shutil.rmtree(ws.path / "d")
    for index in (ws.path.parent / "store/index").iterdir():
        index.unlink()


def test_gc_of_a_remote_deletes_nothing_where_an_index_is_lost(
    origin: Workspace,
) -> None:
    lose_index(origin)
    before = sorted((origin.path.parent / "store/packs").iterdir())
    for _ in range(2):
        origin.mltrack("gc", "--remote", "store", code=None)
    assert sorted((origin.path.parent / "store/packs").iterdir()) == before


def test_repair_of_a_remote_reads_the_packs_where_an_index_is_lost(
    origin: Workspace,
) -> None:
    lose_index(origin)
    origin.mltrack("fsck", "--remote", "store", code=None)
    origin.mltrack("fsck", "--remote", "store", "--repair", code=None)
    origin.mltrack("pull")
    assert origin.read("d/1") == "1\n"


def test_push_of_a_clone_without_the_data_sees_that_the_remote_lost_it(
    origin: Workspace, clone: Workspace
) -> None:
    for pack in (origin.path.parent / "store/packs").iterdir():
        if b"mltrack-tree" not in pack.read_bytes():
            pack.unlink()
    clone.mltrack("push", code=1)
    origin.mltrack("push")
    clone.mltrack("pull")
    assert clone.read("d/1") == "1\n"


@pytest.mark.parametrize(
    "command", [["push"], ["push", "--all-branches"]], ids=" ".join
)
def test_push_of_a_clone_without_a_listing_sees_that_the_remote_lost_one_below(
    origin: Workspace, clone: Workspace, command: list[str]
) -> None:
    """That the remote has the listing at the top says nothing of those below."""
    store = origin.path.parent / "store/packs"
    before = set(store.iterdir())
    origin.write("d/4", "4\n")  # another listing at the top, and the same below
    origin.mltrack("add", "d")
    origin.commit("more")
    origin.mltrack("push")
    origin.git("push", "--quiet")
    clone.git("pull", "--quiet", MLTRACK_HOOKS="0")
    for pack in before:
        if b"mltrack-tree" in pack.read_bytes():
            pack.unlink()
    clone.mltrack(*command, code=1)
    origin.mltrack(*command)
    clone.mltrack(*command)
    clone.mltrack("pull")
    assert clone.read("d/sub/3") == "sub/3\n"


@pytest.mark.parametrize("where", ["main worktree", "linked worktree"])
@pytest.mark.parametrize("commits", [1, 2])
def test_a_rebase_brings_back_what_only_the_rebased_commits_track(
    ws: Workspace, tmp_path: Path, where: str, commits: int
) -> None:
    """git checks out what the rebase builds on first, and the data of our commits goes
    with that.
    """
    ws.mltrack("init")
    ws.write("x/a", "1\n")
    ws.mltrack("add", "x")
    ws.commit("start")
    ws.git("branch", "ours")
    ws.write("x/a", "2\n")
    ws.mltrack("add", "x")
    ws.commit("theirs")
    if where == "linked worktree":
        ws.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "ours")
        there = Workspace(tmp_path / "tree", ws.environment)
    else:
        ws.git("checkout", "--quiet", "ours")
        there = ws
    for number in range(commits):
        there.write(f"data{number}/f", f"{number}\n")
        there.mltrack("add", f"data{number}")
        there.commit(f"ours {number}")
    there.git("rebase", "--quiet", "main")
    for number in range(commits):
        assert there.read(f"data{number}/f") == f"{number}\n"
    assert there.read("x/a") == "2\n"
    there.mltrack("status", "--check")


def test_fsck_that_is_not_to_repair_changes_nothing(ws: Workspace) -> None:
    ws.write("d/1", "1\n")
    ws.mltrack("add", "d")
    for pack in packs(ws):
        for at in range(20, pack.stat().st_size - 100, 30):
            flip(pack, at)
    before = ws.files(".mltrack/cache")
    for _ in range(2):
        ws.mltrack("fsck", code=7)
    assert ws.files(".mltrack/cache") == before
