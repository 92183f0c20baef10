"""add: pointers and ignore lines, any file and any name, and what is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.directories import dataset
from tests.support.refusal import refused
from tests.support.stored import LARGE, loose, packs
from tests.support.workspace import Workspace


def test_add_writes_a_pointer_that_git_keeps_and_an_ignore_line(ws: Workspace) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    assert ws.read("data.mlt").splitlines()[:2] == ["mltrack: 1", "path: data"]
    assert ws.read(".gitignore") == "/data\n"
    assert ws.git("status", "--short").out == "?? .gitignore\n?? data.mlt\n"


def test_add_again_without_changes_writes_nothing(ws: Workspace) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    before = (
        (ws.path / "data.mlt").stat().st_ino,
        sorted(os.listdir(ws.path / ".mltrack/cache/packs")),
    )
    assert "unchanged data" in ws.mltrack("add", "data").out
    assert before == (
        (ws.path / "data.mlt").stat().st_ino,
        sorted(os.listdir(ws.path / ".mltrack/cache/packs")),
    )


def test_a_single_file_and_a_large_one_are_tracked(ws: Workspace) -> None:
    ws.write("small.bin", b"x")
    ws.write("large.bin", os.urandom(3 << 20))
    ws.mltrack("add", "small.bin", "large.bin")
    before = ws.files()
    (ws.path / "small.bin").unlink()
    (ws.path / "large.bin").unlink()
    ws.mltrack("checkout")
    assert ws.files() == before


def test_names_with_any_bytes_survive(ws: Workspace) -> None:
    for name in (
        b"-dash",
        b"new\nline",
        b"tab\t",
        b"sp ace",
        b"per%cent",
        b"\xff\xfe",
        b"#hash",
        "é".encode(),
        b"x" * 255,
    ):
        (ws.path / "data").mkdir(exist_ok=True)
        with open(os.path.join(os.fsencode(ws.path), b"data", name), "wb") as file:
            file.write(name)
    ws.mltrack("add", "data")
    before = ws.files("data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before
    assert ws.mltrack("ls", "-R", "data").code == 0


def test_add_says_when_another_line_keeps_git_seeing_the_data(ws: Workspace) -> None:
    ws.write(".gitignore", "/d\n!/d\n")
    ws.write("d", "x")
    assert "git still sees d" in ws.mltrack("add", "d").err
    ws.write("e", "x")
    assert "warning" not in ws.mltrack("add", "e").err


def test_blake3_projects_work_and_are_never_mixed(bare: Workspace) -> None:
    bare.mltrack("init", "--hash", "blake3")
    bare.write("data/a", "one")
    bare.mltrack("add", "data")
    assert "digest: blake3:" in bare.read("data.mlt")
    bare.mltrack("init", "--hash", "xxh3", code=1)
    bare.write("data.mlt", bare.read("data.mlt").replace("blake3:", "xxh3:")[:200])
    assert "never mixed" in bare.mltrack("status", code=3).err


def test_many_adds_at_once_keep_all_their_ignore_lines(ws: Workspace) -> None:
    for number in range(8):
        ws.write(f"f{number}", f"{number}")
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "-q", "add", f"f{number}"],
            cwd=ws.path,
            env=ws.environment,
        )
        for number in range(8)
    ]
    assert {process.wait(120) for process in running} == {0}
    assert set(ws.read(".gitignore").split()) == {f"/f{number}" for number in range(8)}


def test_a_target_whose_pointer_git_ignores_is_refused(ws: Workspace) -> None:
    ws.write(".gitignore", "data/\n")
    ws.write("data/raw", "x")
    assert "git ignores 'data/raw.mlt'" in ws.mltrack("add", "data/raw", code=1).err
    assert not ws.exists("data/raw.mlt")


def test_many_adds_end_in_few_packs_and_nothing_is_lost(ws: Workspace) -> None:
    for number in range(20):
        ws.write(f"data/{number}", f"file {number}")
        ws.mltrack("add", "data")
    assert len(list((ws.path / ".mltrack/cache/packs").glob("*.pack"))) < 32
    before = ws.files("data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before
    ws.commit()
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before


def test_add_out_tracks_what_stands_elsewhere(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/sub").mkdir(parents=True)
    (tmp_path / "elsewhere/sub/file").write_text("far")
    (tmp_path / "elsewhere/big").write_bytes(LARGE)
    ws.mltrack("add", str(tmp_path / "elsewhere"), "--out", "data/near")
    assert (
        ws.read("data/near/sub/file") == "far"
        and (ws.path / "data/near/big").read_bytes() == LARGE
    )
    assert "Nothing changed" in ws.mltrack("status").out
    assert (tmp_path / "elsewhere/big").read_bytes() == LARGE
    assert (
        "exists already"
        in ws.mltrack(
            "add", str(tmp_path / "elsewhere"), "--out", "data/near", code=1
        ).err
    )
    ws.mltrack("add", "nosuch", "--out", "x", code=2)
    ws.mltrack("add", "a", "b", "--out", "x", code=2)


def test_add_to_remote_keeps_nothing_here(shared: Workspace, tmp_path: Path) -> None:
    for number in range(5):
        shared.write(f"scans/{number}", f"scan {number}")
    shared.write("scans/big", LARGE)
    before = shared.files("scans")
    shared.mltrack("add", "scans", "--to-remote")
    assert not packs(shared) and not loose(shared)
    shared.commit("scans")
    other = shared.clone(tmp_path / "clone")
    other.mltrack("pull")
    assert other.files("scans") == before
    assert other.mltrack("fsck", "--remote", "store").code == 0


def test_a_file_that_git_tracks_is_not_added_and_the_way_over_is_shown(
    ws: Workspace,
) -> None:
    ws.write("data/a", "x")
    ws.commit()
    refused(
        ws,
        "add",
        "data",
        says="tracked by git (data/a)",
        hint="git rm -r --cached data && mltrack add data",
    )
    ws.git("rm", "-r", "--quiet", "--cached", "data")
    ws.mltrack("add", "data")


def test_overlapping_targets_are_refused(ws: Workspace) -> None:
    ws.write("data/sub/a", "x")
    ws.mltrack("add", "data/sub")
    refused(ws, "add", "data", says="overlap")
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: x\n    outs: [data/sub/o]\n")
    refused(ws, "repro", says="overlap")


def test_links_and_special_files_are_refused_by_name(ws: Workspace) -> None:
    ws.write("data/a", "x")
    os.mkfifo(ws.path / "data/pipe")
    (ws.path / "data/out").symlink_to("../../secret")
    (ws.path / "data/abs").symlink_to("/etc/passwd")
    said = ws.mltrack("add", "data", code=1).err
    assert (
        "data/pipe" in said
        and "data/out" in said
        and "data/abs" in said
        and not ws.exists("data.mlt")
    )
    (ws.path / "link").symlink_to("data/a")
    assert "symbolic link" in ws.mltrack("add", "link", code=1).err
    (ws.path / "way").symlink_to("data")
    assert "symbolic link" in ws.mltrack("add", "way/a", code=1).err


def test_a_repository_inside_tracked_data_is_refused(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.write("data/inner/.git/config", "x")
    assert "data/inner/.git" in ws.mltrack("add", "data", code=1).err


def test_a_pattern_may_bring_pointers_along_beside_what_they_track(
    ws: Workspace,
) -> None:
    for name in ("d1", "d2"):
        ws.write(f"{name}/f", name)
    ws.mltrack("add", "d1", "d2")
    ws.write("d1/f", "changed")
    ws.mltrack("add", "d1", "d1.mlt", "./d2", "d2.mlt")
    assert "Nothing changed" in ws.mltrack("status").out
    refused = ws.mltrack("add", "d1", "d2.mlt", code=2).err
    assert "'d2.mlt' is a pointer" in refused and "mltrack add d2" in refused
