"""git push sends the data that the pushed tips refer to, whatever is pushed and from
where, or is stopped.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def holds(place: Path, text: str) -> bool:
    return any(
        text.encode() in path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    )


@pytest.fixture
def secret(ws: Workspace, tmp_path: Path) -> Workspace:
    """A stage whose output is to go to a vault, run twice, and each result committed."""
    ws.git("init", "-q", "--bare", str(tmp_path / "hub.git"))
    ws.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("remote", "add", "vault", str(tmp_path / "vault"))
    ws.mltrack("remote", "default", "store")
    ws.write(
        "mltrack.yaml",
        "stages:\n  make:\n    cmd: cat in in > secret.bin; cp in local.bin\n    deps: [in]\n"
        "    outs: [{secret.bin: {remote: vault}}, {local.bin: {push: false}}]\n",
    )
    for text in ("first secret", "second secret"):
        ws.write("in", text)
        ws.mltrack("repro")
        ws.commit(text)
    return ws


def test_a_git_push_sends_the_data_first(shared: Workspace, tmp_path: Path) -> None:
    shared.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "host.git"))
    shared.write("f", "data")
    shared.mltrack("add", "f")
    shared.commit()
    shared.git("push", "--quiet", "origin", "main")
    assert "Everything is there already" in shared.mltrack("push").out


def test_a_git_push_stops_if_the_data_cannot_be_sent(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "host.git"))
    shared.write("f", "data")
    shared.mltrack("add", "f")
    shared.commit()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "other").write_text("not a remote")
    refused = shared.git("push", "--quiet", "origin", "main", code=None)
    assert refused.code != 0 and "not empty and not a remote" in refused.err


@pytest.fixture
def hub(ws: Workspace, tmp_path: Path) -> Workspace:
    """A project with a git remote, in which data was committed and pushed before there
    was a place for it.
    """
    ws.git("init", "-q", "--bare", str(tmp_path / "hub.git"))
    ws.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    ws.write("f", "first\n")
    ws.mltrack("add", "f")
    ws.commit("first")
    ws.git("push", "-q", "origin", "main")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.commit("a place for the data")
    return ws


def pulled(hub: Workspace, tmp_path: Path, rev: str) -> str:
    """What a colleague gets who clones and pulls."""
    path = tmp_path / f"clone of {rev}"
    hub.git("clone", "-q", "-b", rev, str(tmp_path / "hub.git"), str(path))
    clone = Workspace(path, hub.environment)
    clone.mltrack("pull")
    return clone.read("f")


def test_what_was_pushed_to_git_before_there_was_a_remote_goes_with_the_next_push(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "origin", "main")
    assert pulled(hub, tmp_path, "main") == "first\n"


def test_several_branches_and_a_tag_that_is_on_none_of_them_are_looked_at(
    hub: Workspace, tmp_path: Path
) -> None:
    for name in ("x", "y", "t"):
        hub.git("checkout", "-q", "-b", name, "main")
        hub.write("f", f"{name}\n")
        hub.mltrack("add", "f")
        hub.commit(name)
    hub.git("tag", "-a", "-m", "T", "T")
    hub.git("checkout", "-q", "main")
    hub.git("branch", "-q", "-D", "t")
    hub.git("push", "-q", "origin", "x", "y", "T")
    assert [pulled(hub, tmp_path, rev) for rev in ("x", "y", "T")] == [
        "x\n",
        "y\n",
        "t\n",
    ]


def test_a_mirror_a_detached_head_and_an_amended_commit_are_tips_too(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "--mirror", "origin")
    hub.git("checkout", "-q", "--detach")
    hub.write("f", "detached\n")
    hub.mltrack("add", "f")
    hub.commit("detached")
    hub.git("push", "-q", "origin", "HEAD:refs/heads/new")
    hub.git("checkout", "-q", "main")
    hub.write("f", "amended\n")
    hub.mltrack("add", "f")
    hub.git("add", "--all")
    hub.git("commit", "-q", "--amend", "-m", "amended")
    hub.git("push", "-q", "--force", "origin", "main")
    assert [pulled(hub, tmp_path, rev) for rev in ("new", "main")] == [
        "detached\n",
        "amended\n",
    ]


def test_a_branch_is_deleted_though_the_data_remote_is_away(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "origin", "main", "main:other")
    (tmp_path / "store").rename(tmp_path / "away")
    hub.git("push", "-q", "origin", ":other")


def test_what_is_known_to_be_there_is_not_believed_of_a_remote_that_was_emptied(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "origin", "main")
    shutil.rmtree(tmp_path / "store")
    hub.write("code", "x\n")
    hub.commit("code")
    hub.git("push", "-q", "origin", "main", code=1)


def test_nor_of_another_place_that_took_its_name(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "origin", "main")
    hub.mltrack("remote", "add", "--force", "store", str(tmp_path / "another"))
    hub.commit("another place")
    shutil.rmtree(tmp_path / "store")
    hub.git("push", "-q", "origin", "main")
    assert pulled(hub, tmp_path, "main") == "first\n"


def test_an_output_with_a_remote_of_its_own_goes_there(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.mltrack("remote", "add", "second", str(tmp_path / "second"))
    hub.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: cat f > o, deps: [f], outs: [{o: {remote: second}}]}\n",
    )
    hub.write("f", "second\n")
    hub.mltrack("add", "f")
    hub.mltrack("repro")
    hub.commit("stage")
    hub.git("push", "-q", "origin", "main")
    assert pulled(hub, tmp_path, "main") == "second\n"
    assert (tmp_path / "clone of main/o").read_text() == "second\n"


@pytest.mark.parametrize(
    "how", [["--depth", "1"], ["--filter", "blob:none"]], ids=["shallow", "partial"]
)
def test_a_clone_without_all_of_the_history_pushes(
    hub: Workspace, tmp_path: Path, how: list[str]
) -> None:
    hub.git("push", "-q", "origin", "main")
    hub.git(
        "config",
        "--file",
        str(tmp_path / "hub.git/config"),
        "uploadpack.allowFilter",
        "true",
    )
    hub.git("clone", "-q", *how, f"file://{tmp_path}/hub.git", str(tmp_path / "part"))
    part = Workspace(tmp_path / "part", hub.environment)
    part.mltrack("init")
    part.write("g", "of the part\n")
    part.mltrack("add", "g")
    part.commit("g")
    part.git("push", "-q", "origin", "main")
    assert pulled(hub, tmp_path, "main") == "first\n"
    assert (tmp_path / "clone of main/g").read_text() == "of the part\n"


def test_a_clone_that_lacks_the_bytes_stops_the_push_if_no_remote_has_them(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("push", "-q", "origin", "main", MLTRACK_HOOKS="0")
    hub.git("clone", "-q", str(tmp_path / "hub.git"), str(tmp_path / "lacking"))
    lacking = Workspace(tmp_path / "lacking", hub.environment)
    lacking.mltrack("init")
    lacking.write("code", "x\n")
    lacking.commit("code")
    assert "not in the cache" in lacking.git("push", "-q", "origin", "main", code=1).err


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


def test_a_push_with_literal_pathspecs_sends_the_data_too(
    hub: Workspace, tmp_path: Path
) -> None:
    hub.git("--literal-pathspecs", "push", "-q", "origin", "main")
    assert pulled(hub, tmp_path, "main") == "first\n"


def test_git_push_sends_an_output_of_every_commit_to_its_own_remote_only(
    secret: Workspace, tmp_path: Path
) -> None:
    secret.git("push", "-q", "origin", "main")
    for text in ("first secretfirst secret", "second secretsecond secret"):
        assert holds(tmp_path / "vault", text) and not holds(tmp_path / "store", text)


def test_git_push_sends_what_a_stage_that_is_gone_made_where_it_said(
    secret: Workspace, tmp_path: Path
) -> None:
    secret.git("push", "-q", "origin", "main~1:refs/heads/main")
    secret.write("mltrack.yaml", "stages: {}\n")
    (secret.path / "mltrack.lock").unlink()
    secret.commit("no stage any more")
    secret.git("push", "-q", "origin", "main")
    text = "second secretsecond secret"
    assert holds(tmp_path / "vault", text) and not holds(tmp_path / "store", text)
