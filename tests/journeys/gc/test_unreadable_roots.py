"""gc deletes nothing while anything that might refer to data cannot be read."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def separate(ws: Workspace, tmp_path: Path) -> Workspace:
    place = ["--separate-git-dir", str(tmp_path / "elsewhere.git")]
    ws.git("clone", "-q", *place, str(ws.path), str(tmp_path / "apart"))
    return Workspace(tmp_path / "apart", ws.environment)


def submodule(ws: Workspace, tmp_path: Path) -> Workspace:
    ws.git("init", "-q", str(tmp_path / "above"))
    above = Workspace(tmp_path / "above", ws.environment)
    allowed = ("-c", "protocol.file.allow=always")
    above.git(*allowed, "submodule", "--quiet", "add", str(ws.path), "sub")
    return Workspace(above.path / "sub", ws.environment)


@pytest.fixture
def ws(ws: Workspace) -> Workspace:
    ws.mltrack("config", "--local", "gc.grace_days", "0")
    ws.mltrack("config", "--local", "cache.runs_days", "0")
    return ws


@pytest.fixture
def only_on_x(ws: Workspace) -> Workspace:
    """Data that only branch ``x`` refers to, which no reflog remembers."""
    ws.write("a", "of main\n")
    ws.mltrack("add", "a")
    ws.commit("main")
    ws.git("checkout", "-q", "-b", "x")
    ws.write("b", "only on x\n")
    ws.mltrack("add", "b")
    ws.commit("x")
    ws.git("checkout", "-q", "main")
    ws.git("reflog", "expire", "--expire=now", "--all")
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    return ws


def holds(ws: Workspace) -> bool:
    """Whether the cache can still give what stood on ``x``."""
    ws.git("checkout", "-q", "--force", "x", MLTRACK_HOOKS="0")
    ws.mltrack("checkout", code=None)
    return ws.exists("b") and ws.read("b") == "only on x\n"


def empty(ws: Workspace) -> None:
    ws.write(".git/refs/heads/x", "")


def zeros(ws: Workspace) -> None:
    ws.write(".git/refs/heads/x", b"\0" * 41)


def words(ws: Workspace) -> None:
    ws.write(".git/refs/heads/x", "not a commit at all\n")


def absent_commit(ws: Workspace) -> None:
    ws.write(".git/refs/heads/x", "12" * 20 + "\n")


def link_to_nowhere(ws: Workspace) -> None:
    (ws.path / ".git/refs/heads/x").unlink()
    (ws.path / ".git/refs/heads/x").symlink_to(ws.path / "on-a-disk-that-is-away")


def directory_away(ws: Workspace) -> None:
    (ws.path / ".git/refs/heads").rename(ws.path / "away")
    (ws.path / ".git/refs/heads").symlink_to(ws.path / "away-too")


def packed_truncated(ws: Workspace) -> None:
    ws.git("pack-refs", "--all")
    text = ws.read(".git/packed-refs")
    ws.write(".git/packed-refs", text[: text.index(" refs/heads/x") - 7])


def packed_garbage(ws: Workspace) -> None:
    ws.git("pack-refs", "--all")
    ws.write(
        ".git/packed-refs",
        b"# pack-refs with: peeled fully-peeled sorted \n" + b"\0" * 100,
    )


def packed_directory(ws: Workspace) -> None:
    ws.git("pack-refs", "--all")
    (ws.path / ".git/packed-refs").rename(ws.path / "away")
    (ws.path / ".git/packed-refs").mkdir()


def commit_lost(ws: Workspace) -> None:
    name = ws.git("rev-parse", "x").out.strip()
    (ws.path / ".git/objects" / name[:2] / name[2:]).rename(ws.path / "away")


def tree_lost(ws: Workspace) -> None:
    name = ws.git("rev-parse", "x^{tree}").out.strip()
    (ws.path / ".git/objects" / name[:2] / name[2:]).rename(ws.path / "away")


def pointer_lost(ws: Workspace) -> None:
    name = ws.git("rev-parse", "x:b.mlt").out.strip()
    (ws.path / ".git/objects" / name[:2] / name[2:]).rename(ws.path / "away")


def broken_head_of_a_remote(ws: Workspace) -> None:
    ws.write(".git/refs/remotes/origin/y", "garbage\n")


def broken_tag(ws: Workspace) -> None:
    ws.write(".git/refs/tags/y", "")


def broken_stash(ws: Workspace) -> None:
    ws.write(".git/refs/stash", "")


def head_empty(ws: Workspace) -> None:
    ws.write(".git/HEAD", "")


BREAKS = [
    empty,
    zeros,
    words,
    absent_commit,
    link_to_nowhere,
    directory_away,
    packed_truncated,
    packed_garbage,
    packed_directory,
    commit_lost,
    tree_lost,
    pointer_lost,
    broken_head_of_a_remote,
    broken_tag,
    broken_stash,
    head_empty,
]


@pytest.mark.parametrize("breaks", BREAKS, ids=[item.__name__ for item in BREAKS])
def test_nothing_is_deleted_where_git_is_broken(
    only_on_x: Workspace, breaks: Callable[[Workspace], None]
) -> None:
    ws = only_on_x
    copy = ws.path.parent / "git-as-it-was"
    shutil.copytree(ws.path / ".git", copy, symlinks=True)
    breaks(ws)
    before = sorted(path for path in (ws.path / ".mltrack/cache").rglob("*.pack"))
    done = ws.mltrack("gc", code=None)
    assert done.code != 0, done.said
    assert (
        sorted(path for path in (ws.path / ".mltrack/cache").rglob("*.pack")) == before
    )
    shutil.rmtree(ws.path / ".git")
    copy.rename(ws.path / ".git")
    assert holds(ws)


@pytest.fixture
def only_staged(ws: Workspace) -> Workspace:
    """Data that only git's index refers to."""
    ws.write("b", "only staged\n")
    ws.mltrack("add", "b")
    ws.git("add", "b.mlt")
    (ws.path / "b.mlt").unlink()
    (ws.path / "b").unlink()
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    return ws


def gives_back_what_was_staged(ws: Workspace) -> bool:
    ws.git("checkout", "-q", "b.mlt")
    ws.mltrack("checkout", code=None)
    return ws.exists("b") and ws.read("b") == "only staged\n"


def test_what_is_only_staged_is_kept(only_staged: Workspace) -> None:
    only_staged.mltrack("gc")
    assert gives_back_what_was_staged(only_staged)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.8])
def test_a_truncated_index_is_not_believed(only_staged: Workspace, kept: float) -> None:
    index = only_staged.path / ".git/index"
    whole = index.read_bytes()
    index.write_bytes(whole[: int(len(whole) * kept)])
    code = only_staged.mltrack("gc", code=None).code
    index.write_bytes(whole)
    assert code == 1
    assert gives_back_what_was_staged(only_staged)


@pytest.mark.parametrize(
    "data", [b"", b"DIRC", b"\0" * 300], ids=["empty", "four bytes", "zeros"]
)
def test_an_index_that_is_none_is_not_believed(
    only_staged: Workspace, data: bytes
) -> None:
    index = only_staged.path / ".git/index"
    whole = index.read_bytes()
    index.write_bytes(data)
    only_staged.mltrack("gc", code=1)
    index.write_bytes(whole)
    assert gives_back_what_was_staged(only_staged)


def test_what_a_linked_worktree_has_staged_or_checked_out_is_kept(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked", ws.environment)
    linked.write("b", "only staged\n")
    linked.mltrack("add", "b")
    linked.git("add", "b.mlt")
    (linked.path / "b").unlink()
    (linked.path / "b.mlt").unlink()
    shutil.rmtree(linked.path / ".mltrack/last", ignore_errors=True)
    ws.mltrack("gc")
    assert gives_back_what_was_staged(linked)


def away(ws: Workspace, linked: Path) -> None:
    linked.rename(linked.parent / "on another disk")


def git_file_of_zeros(ws: Workspace, linked: Path) -> None:
    ws.write(".git/worktrees/linked/gitdir", b"\0" * 20)


def git_file_lost(ws: Workspace, linked: Path) -> None:
    (ws.path / ".git/worktrees/linked/gitdir").unlink()


def head_lost(ws: Workspace, linked: Path) -> None:
    ws.write(".git/worktrees/linked/HEAD", "")


def index_of_zeros(ws: Workspace, linked: Path) -> None:
    ws.write(".git/worktrees/linked/index", b"\0" * 100)


def another_directory_in_its_place(ws: Workspace, linked: Path) -> None:
    linked.rename(linked.parent / "on another disk")
    linked.mkdir()


def replaced_by_a_clone(ws: Workspace, linked: Path) -> None:
    linked.rename(linked.parent / "on another disk")
    ws.git("clone", "-q", str(ws.path), str(linked))


@pytest.mark.parametrize(
    "breaks",
    [
        away,
        git_file_lost,
        head_lost,
        index_of_zeros,
        another_directory_in_its_place,
        git_file_of_zeros,
        replaced_by_a_clone,
    ],
)
def test_nothing_is_deleted_where_a_linked_worktree_is_away_or_broken(
    ws: Workspace, tmp_path: Path, breaks: Callable[[Workspace, Path], None]
) -> None:
    ws.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked", ws.environment)
    linked.write("b", "only here\n")
    linked.mltrack("add", "b")
    (linked.path / "b").unlink()
    breaks(ws, linked.path)
    ws.mltrack("gc", code=1)
    assert list((ws.path / ".mltrack/cache/packs").glob("*.pack"))


def reflog_of_zeros(ws: Workspace) -> None:
    ws.write(".git/logs/refs/heads/x", b"\0" * 100)


@pytest.mark.parametrize("breaks", [reflog_of_zeros])
def test_nothing_is_deleted_where_a_reflog_is_broken(
    ws: Workspace, breaks: Callable[[Workspace], None]
) -> None:
    ws.git("checkout", "-q", "-b", "x")
    ws.write("b", "only in a reflog\n")
    ws.mltrack("add", "b")
    ws.commit("x")
    ws.git("reset", "-q", "--hard", "HEAD~1")
    ws.git("checkout", "-q", "main")
    ws.git("reflog", "expire", "--expire=now", "HEAD")
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    breaks(ws)
    ws.mltrack("gc", code=1)
    assert list((ws.path / ".mltrack/cache/packs").glob("*.pack"))


def test_what_an_undone_commit_recorded_is_kept(ws: Workspace) -> None:
    ws.write("b", "only in ORIG_HEAD\n")
    ws.mltrack("add", "b")
    ws.commit("x")
    ws.git("reset", "-q", "HEAD~1")
    ws.git("reflog", "expire", "--expire=now", "--all")
    (ws.path / "b.mlt").unlink()
    (ws.path / "b").unlink()
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    ws.mltrack("gc")
    ws.git("checkout", "-q", "ORIG_HEAD", "--", "b.mlt")
    ws.mltrack("checkout")
    assert ws.read("b") == "only in ORIG_HEAD\n"


def test_the_autostash_of_a_stopped_rebase_is_kept(ws: Workspace) -> None:
    ws.write("f", "base\n")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "x")
    ws.write("f", "x\n")
    ws.commit("x")
    ws.git("checkout", "-q", "main")
    ws.write("f", "main\n")
    ws.write("b", "first\n")
    ws.mltrack("add", "b")
    ws.commit("main")
    ws.git("checkout", "-q", "x")
    ws.write("c", "first\n")
    ws.mltrack("add", "c")
    ws.commit("c")
    ws.write("c", "only in the autostash\n")
    ws.mltrack("add", "c")
    ws.git("rebase", "-q", "--autostash", "main", code=1)
    ws.git("reflog", "expire", "--expire=now", "--all")
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    (ws.path / "c").unlink(missing_ok=True)
    ws.mltrack("gc", code=None)
    ws.git("rebase", "--abort")
    ws.mltrack("checkout")
    assert ws.read("c") == "only in the autostash\n"


def test_the_autostash_of_a_stopped_merge_is_kept(ws: Workspace) -> None:
    ws.write("f", "base\n")
    ws.write("c", "first\n")
    ws.mltrack("add", "c")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "x")
    ws.write("f", "x\n")
    ws.commit("x")
    ws.git("checkout", "-q", "main")
    ws.write("f", "main\n")
    ws.commit("main")
    ws.write("c", "only in the autostash\n")
    ws.mltrack("add", "c")
    ws.git("merge", "-q", "--autostash", "x", code=1)
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    (ws.path / "c").unlink(missing_ok=True)
    ws.mltrack("gc", code=None)
    ws.git("merge", "--abort")
    ws.mltrack("checkout")
    assert ws.read("c") == "only in the autostash\n"


def test_what_a_destroyed_listing_named_is_kept_until_earlier_versions_are_given_up(
    ws: Workspace,
) -> None:
    ws.write("d/sub/1", "one\n")
    ws.mltrack("add", "d")
    ws.commit("one")
    ws.write("d/sub/1", "two\n")
    ws.mltrack("add", "d")
    ws.commit("two")
    packs = (
        path
        for path in (ws.path / ".mltrack/cache").rglob("*.pack")
        if b"mltrack-tree" in path.read_bytes()
    )
    earlier = min(packs, key=lambda path: path.stat().st_mtime_ns)
    earlier.chmod(0o644)
    earlier.write_bytes(earlier.read_bytes().replace(b"mltrack-tree", b"Mltrack-tree"))
    assert "damaged" in ws.mltrack("fsck", "--repair", code=7).out
    refused = ws.mltrack("gc", code=1)
    assert "nothing was deleted: the tree" in refused.err
    assert "mltrack fsck --repair" in refused.err
    assert "mltrack gc --keep-last N --force" in refused.err
    assert "freed" in ws.mltrack("gc", "--keep-last", "1", "--force").out
    ws.write("d/sub/1", "three\n")
    ws.mltrack("checkout", "--force", "d")
    assert ws.read("d/sub/1") == "two\n"


@pytest.mark.parametrize(
    "name",
    [
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    ],
)
def test_variables_of_git_hide_no_version_of_a_pointer(
    ws: Workspace, name: str
) -> None:
    for text in ("only in history\n", "now\n"):
        ws.write("sub/b", text)
        ws.mltrack("add", "sub/b")
        ws.commit(text)
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    ws.mltrack("gc", **{name: "1"})
    ws.git("checkout", "-q", "HEAD~1", MLTRACK_HOOKS="0")
    ws.mltrack("checkout")
    assert ws.read("sub/b") == "only in history\n"


@pytest.mark.parametrize("value", ["off", "combined", "first-parent"])
def test_what_only_a_settled_merge_names_is_kept_however_merges_are_shown(
    ws: Workspace, value: str
) -> None:
    ws.write("f", "base\n")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "x")
    ws.commit("x")
    ws.git("checkout", "-q", "main")
    ws.commit("main")
    ws.git("merge", "-q", "--no-commit", "x", code=None)
    ws.write("b", "only in a merge\n")
    ws.mltrack("add", "b")
    ws.commit("merge")
    ws.git("rm", "-q", "b.mlt")
    ws.commit("gone")
    (ws.path / "b").unlink(missing_ok=True)
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    ws.git("config", "log.diffMerges", value)
    ws.mltrack("gc")
    ws.git("checkout", "-q", "HEAD~1", MLTRACK_HOOKS="0")
    ws.mltrack("checkout")
    assert ws.read("b") == "only in a merge\n"


def test_what_a_replaced_commit_names_is_kept(only_on_x: Workspace) -> None:
    ws = only_on_x
    ws.git("replace", "x", "main")
    ws.mltrack("gc")
    ws.git("replace", "-d", "x")
    assert holds(ws)


def test_what_only_a_replacing_pointer_names_is_kept(ws: Workspace) -> None:
    ws.write("b", "shown\n")
    ws.mltrack("add", "b")
    shown = ws.git("hash-object", "-w", "b.mlt").out.strip()
    ws.write("b", "of the commit\n")
    ws.mltrack("add", "b")
    ws.commit("b")
    ws.git("replace", "HEAD:b.mlt", shown)
    shutil.rmtree(ws.path / ".mltrack/last", ignore_errors=True)
    ws.mltrack("gc")
    ws.write("b.mlt", ws.git("cat-file", "blob", "HEAD:b.mlt").out)
    (ws.path / "b").unlink()
    ws.mltrack("checkout")
    assert ws.read("b") == "shown\n"


@pytest.mark.parametrize("made", [submodule, separate])
@pytest.mark.parametrize("where", ["main", "linked"])
def test_what_is_staged_beside_a_linked_worktree_is_kept_wherever_git_keeps_its_files(
    ws: Workspace,
    tmp_path: Path,
    made: Callable[[Workspace, Path], Workspace],
    where: str,
) -> None:
    ws.commit("base")
    main = made(ws, tmp_path)
    main.mltrack("init")
    for name in ("gc.grace_days", "cache.runs_days"):
        main.mltrack("config", "--local", name, "0")
    main.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked", ws.environment)
    main.write("b", "only staged\n")
    main.mltrack("add", "b")
    main.git("add", "b.mlt")
    (main.path / "b.mlt").unlink()
    (main.path / "b").unlink()
    shutil.rmtree(main.path / ".mltrack/last", ignore_errors=True)
    linked.write("c", "so that there is something to look for\n")
    linked.mltrack("add", "c")
    # no file of git's names the main worktree of a separate directory
    is_known = where == "main" or made is submodule
    told = (main if where == "main" else linked).mltrack(
        "gc", code=0 if is_known else 1
    )
    assert is_known or "run this in the main worktree" in told.err
    assert gives_back_what_was_staged(main)
