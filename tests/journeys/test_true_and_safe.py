"""Never wrong about unchanged, never losing a byte: what careful people broke before,
kept mended.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ends, is_alive
from tests.support.workspace import Workspace


def age(ws: Workspace) -> None:
    """Makes everything in the cache older than any grace."""
    for directory, _, files in os.walk(ws.path / ".mltrack/cache"):
        for name in files:
            os.utime(os.path.join(directory, name), (1.0e9, 1.0e9))


# true


def test_params_that_a_restored_stage_writes_are_seen(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  gen:\n    cmd: 'echo \"lr: $(cat x)\" > p.yaml'\n    deps: [x]\n    outs: [p.yaml]\n"
        "  train:\n    cmd: cp p.yaml model\n    params: [{p.yaml: [lr]}]\n    outs: [model]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("model") == f"lr: {value}\n"
    (ws.path / "p.yaml").unlink()
    (ws.path / "model").unlink()
    assert "2 restored" in ws.mltrack("repro").out


def test_a_lock_file_that_a_restored_stage_writes_is_seen(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  gen:\n    cmd: cp x uv.lock\n    deps: [x]\n    outs: [uv.lock]\n"
        "  train:\n    cmd: cp uv.lock model\n    env: {lock: uv.lock}\n    outs: [model]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("model") == value


def test_a_dependency_directory_that_git_ignores_counts_with_all_that_is_in_it(
    ws: Workspace,
) -> None:
    ws.write(".gitignore", "data/\n")
    ws.write("data/x", "v1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data/x > out\n    deps: [data]\n    outs: [out]\n",
    )
    assert "data is ignored by git" in ws.mltrack("repro").err
    ws.write("data/x", "v2")
    ws.mltrack("repro")
    assert ws.read("out") == "v2"


def test_what_a_link_in_a_dependency_leads_to_is_part_of_it(ws: Workspace) -> None:
    ws.write("lib/c.py", "1")
    ws.write("lib/more/d.py", "1")
    ws.write("src/a.py", "1")
    (ws.path / "src/c.py").symlink_to("../lib/c.py")
    (ws.path / "src/more").symlink_to("../lib/more")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat src/c.py src/more/d.py > out\n    deps: [src]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("lib/c.py", "2")
    assert "1 ran" in ws.mltrack("repro").out
    ws.write("lib/more/d.py", "2")
    assert "1 ran" in ws.mltrack("repro").out and ws.read("out") == "22"


def test_a_dependency_that_is_a_link_to_an_output_waits_for_its_stage(
    ws: Workspace,
) -> None:
    (ws.path / "link").symlink_to("a.out")
    ws.write(
        "mltrack.yaml",
        "stages:\n  b:\n    cmd: cat link > b.out\n    deps: [link]\n    outs: [b.out]\n"
        "  a:\n    cmd: cp x a.out\n    deps: [x]\n    outs: [a.out]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("b.out") == value


def test_a_dependency_inside_an_output_may_hold_links_to_its_siblings(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  make:\n    cmd: mkdir -p d/a d/b && echo 1 > d/b/f && ln -s ../b/f d/a/l\n    outs: [d]\n"
        "  use:\n    cmd: cat d/a/l > o\n    deps: [d/a]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    assert "2 unchanged" in ws.mltrack("repro").out


def test_the_journal_of_a_killed_repro_says_nothing_about_another_commit(
    ws: Workspace,
) -> None:
    ws.write("x", "1")
    text = "stages:\n  a:\n    cmd: cp x a\n    deps: [x]\n    outs: [a]\n  b:\n    cmd: {}\n    deps: [a]\n    outs: [b]\n"
    ws.write("mltrack.yaml", text.format("cp a b"))
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("x", "2")
    ws.write("mltrack.yaml", text.format("kill -9 $PPID; sleep 5"))
    ws.mltrack("repro", code=None)
    locked = ws.mltrack("ls", "--json").json["tracked"]
    # any other lock than the one it ran on
    ws.write("mltrack.lock", ws.read("mltrack.lock") + "\n")
    assert ws.mltrack("ls", "--json").json["tracked"] != locked


def test_a_command_that_a_killed_repro_left_running_is_ended_before_the_next_run(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $$ >> ../pids; for i in 1 2 3 4 5 6; do echo line$i >> out; sleep 0.3; done\n    outs: [out]\n",
    )
    pids = ws.path.parent / "pids"
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "repro"],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not ws.exists("out") or not pids.exists() or not pids.read_text().strip():
        assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.wait()
    left = int(pids.read_text())
    assert is_alive(left)
    assert "left running by an earlier, killed repro" in ws.mltrack("repro").err
    assert ends(left)
    assert ws.read("out") == "".join(f"line{number}\n" for number in range(1, 7))


# safe


def test_undo_puts_back_all_that_a_command_replaced_and_then_what_the_one_before_did(
    ws: Workspace,
) -> None:
    for name in ("a", "b"):
        ws.write(name, "orig")
    ws.mltrack("add", "a", "b")
    for text in ("first", "second"):
        for name in ("a", "b"):
            ws.write(name, f"{text} {name}")
        ws.mltrack("checkout", "--force")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("second a", "second b")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("first a", "first b")
    ws.mltrack("undo", code=2)


def test_what_undo_put_back_is_a_change_of_ones_own_again(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("undo")
    ws.mltrack("checkout")
    assert ws.read("a") == "mine"
    ws.mltrack("checkout", "--force")
    assert ws.read("a") == "orig"
    ws.mltrack("undo")
    assert ws.read("a") == "mine"


def test_gc_keeps_what_undo_promised(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc")
    ws.mltrack("undo")
    assert ws.read("a") == "mine"


def test_gc_keeps_old_stashes_which_git_never_expires(ws: Workspace) -> None:
    ws.write("d", "base")
    ws.mltrack("add", "d")
    ws.commit()
    for number in (1, 2):
        ws.write("d", f"stashed {number}")
        ws.mltrack("add", "d")
        moment = f"2020-01-0{number}T00:00:00Z"
        ws.git("stash", "--quiet", GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
    ws.mltrack("checkout", "--force")
    age(ws)
    ws.mltrack("gc")
    for number in (2, 1):
        ws.git("stash", "pop", "--quiet")
        ws.mltrack("checkout", "--force")
        assert ws.read("d") == f"stashed {number}"
        ws.git("checkout", "--quiet", "--", "d.mlt")


def test_gc_and_push_know_a_pointer_whose_bytes_stand_in_git_under_another_name_too(
    shared: Workspace, tmp_path: Path
) -> None:
    ws = shared
    ws.write("d", "base")
    ws.mltrack("add", "d")
    shutil.copy(ws.path / "d.mlt", ws.path / "a_backup.txt")
    ws.commit()
    ws.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    ws.git("remote", "add", "origin", str(tmp_path / "host.git"))
    ws.git("push", "--quiet", "origin", "main")
    assert (tmp_path / "store/index").exists()
    ws.write("d", "new")
    ws.mltrack("add", "d")
    ws.commit()
    age(ws)
    ws.mltrack("gc")
    ws.git("checkout", "--quiet", "HEAD~")
    assert ws.read("d") == "base"


def test_a_target_whose_pointer_git_ignores_is_refused(ws: Workspace) -> None:
    ws.write(".gitignore", "data/\n")
    ws.write("data/raw", "x")
    assert "git ignores 'data/raw.mlt'" in ws.mltrack("add", "data/raw", code=1).err
    assert not ws.exists("data/raw.mlt")


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


def test_large_outputs_left_to_git_and_edited_persistent_ones_are_saved_before_a_run(
    ws: Workspace,
) -> None:
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: test $(cat in) = 1 && head -c 2000000 /dev/zero > big; echo x >> log\n    deps: [in]\n"
        "    outs: [{big: {cache: false}}, {log: {persist: true}}]\n",
    )
    ws.mltrack("repro")
    ws.write("log", "edited by hand")
    ws.write("in", "2")
    ws.mltrack("repro", code=8)
    assert not ws.exists("big")
    ws.mltrack("undo")
    assert (ws.path / "big").stat().st_size == 2000000 and ws.read(
        "log"
    ) == "edited by hand"


def corrupt(ws: Workspace, old: bytes, new: bytes) -> None:
    for path in (ws.path / ".mltrack/cache/packs").glob("*.pack"):
        data = path.read_bytes()
        if old in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(old, new))


def test_add_repairs_a_damaged_object_from_the_workspace(ws: Workspace) -> None:
    ws.write("d", "hello-bytes")
    ws.mltrack("add", "d")
    corrupt(ws, b"hello-bytes", b"hellO-bytes")
    (ws.path / "d").rename(ws.path / "kept")
    ws.mltrack("checkout", code=7)
    (ws.path / "kept").rename(ws.path / "d")
    ws.mltrack("add", "d")
    (ws.path / "d").unlink()
    ws.mltrack("checkout")
    assert ws.read("d") == "hello-bytes"


def test_pull_repairs_a_damaged_object_from_a_remote(shared: Workspace) -> None:
    shared.write("d", "hello-bytes")
    shared.mltrack("add", "d")
    shared.mltrack("push")
    corrupt(shared, b"hello-bytes", b"hellO-bytes")
    (shared.path / "d").unlink()
    shared.mltrack("checkout", code=7)
    shared.mltrack("pull")
    assert shared.read("d") == "hello-bytes"


def test_gc_keeps_the_whole_copy_of_an_object_that_is_damaged_elsewhere(
    ws: Workspace,
) -> None:
    ws.write("a/x", "XOBJECT-bytes")
    ws.write("a/y", os.urandom(5000))
    ws.mltrack("add", "a")
    ws.commit()
    corrupt(ws, b"XOBJECT", b"xOBJECT")
    (ws.path / "a/x").unlink()
    ws.mltrack("checkout", code=7)
    ws.write("b/x", "XOBJECT-bytes")
    ws.write("b/junk", os.urandom(90000))
    ws.mltrack("add", "b")
    ws.mltrack("checkout")
    (ws.path / "b/junk").unlink()
    ws.mltrack("add", "b")
    ws.commit()
    age(ws)
    ws.mltrack("gc")
    (ws.path / "a/x").unlink()
    (ws.path / "b/x").unlink()
    ws.mltrack("checkout")
    assert ws.read("a/x") == ws.read("b/x") == "XOBJECT-bytes"


def test_resolve_takes_a_side_only_where_both_changed_the_same_file(
    ws: Workspace,
) -> None:
    for side in ("--ours", "--theirs"):
        ws.write("d/c", f"base {side}")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("checkout", "--quiet", "-b", f"left{side}")
        ws.write("d/c", "left")
        ws.write(f"d/left{side}", "left")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("checkout", "--quiet", "main")
        ws.write("d/c", "main")
        ws.write(f"d/main{side}", "main")
        ws.mltrack("add", "d")
        ws.commit()
        ws.git("merge", "--quiet", "--no-edit", f"left{side}", code=None)
        ws.mltrack("resolve", side)
        assert ws.read("d/c") == ("main" if side == "--ours" else "left")
        assert ws.exists(f"d/left{side}") and ws.exists(f"d/main{side}")
        ws.git("commit", "--quiet", "--no-edit")
        assert "Nothing changed" in ws.mltrack("status").out


def test_a_file_becomes_an_empty_directory_and_back(ws: Workspace) -> None:
    ws.write("d/a", "f")
    ws.mltrack("add", "d")
    (ws.path / "d/a").unlink()
    (ws.path / "d/a").mkdir()
    ws.mltrack("checkout")
    assert ws.read("d/a") == "f"


def test_deep_directories_come_back_with_few_descriptors(ws: Workspace) -> None:
    deep = "/".join(["d"] * 200)
    ws.write(f"{deep}/f", "x")
    ws.mltrack("add", "d")
    shutil.rmtree(ws.path / "d")
    done = ws.run(
        ["sh", "-c", f"ulimit -n 64; exec {sys.executable} -P -m mltrack checkout"]
    )
    assert done.code == 0, done.said
    assert ws.read(f"{deep}/f") == "x"


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


def test_data_that_moved_over_to_git_is_left_to_git(ws: Workspace) -> None:
    ws.write("d", "data")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "ingit")
    ws.mltrack("remove", "d")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.git("checkout", "--quiet", "ingit")
    assert ws.read("d") == "data" and ws.git("status", "--short").out == ""


def test_a_directory_that_was_split_into_tracked_parts_keeps_them(
    ws: Workspace,
) -> None:
    ws.write("d/train/a", "a")
    ws.write("d/test/b", "b")
    ws.mltrack("add", "d")
    ws.commit(tag="whole")
    ws.mltrack("remove", "d")
    ws.mltrack("add", "d/train", "d/test")
    ws.commit(tag="split")
    ws.git("checkout", "--quiet", "whole")
    ws.git("checkout", "--quiet", "split")
    assert ws.read("d/train/a") == "a" and ws.read("d/test/b") == "b"


# an outdated workspace is not taken for a change


def test_a_revert_brings_the_data_back_and_nothing_advises_to_undo_it(
    ws: Workspace,
) -> None:
    ws.write("d/2", "good")
    ws.mltrack("add", "d")
    ws.commit()
    ws.write("d/2", "BAD")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("revert", "--no-edit", "HEAD")
    assert ws.read("d/2") == "good"
    assert "Nothing changed" in ws.mltrack("status").out


def test_data_older_than_its_pointer_is_called_outdated_and_repro_refuses_it(
    ws: Workspace,
) -> None:
    ws.write("d", "one")
    ws.mltrack("add", "d")
    ws.write(
        "mltrack.yaml", "stages:\n  s:\n    cmd: cp d o\n    deps: [d]\n    outs: [o]\n"
    )
    ws.mltrack("repro")
    ws.commit()
    ws.write("d", "two")
    ws.mltrack("add", "d")
    ws.mltrack("repro")
    ws.commit()
    ws.git("reset", "--quiet", "--hard", "HEAD~")  # git runs no hook here
    assert (
        "outdated" in ws.mltrack("status").out
        and "mltrack checkout d" in ws.mltrack("status").out
    )
    assert "hint: mltrack checkout d" in ws.mltrack("repro", code=1).err
    ws.mltrack("checkout")
    assert ws.read("d") == "one" and "1 unchanged" in ws.mltrack("repro").out


def test_repro_says_that_it_reads_unrecorded_data(ws: Workspace) -> None:
    ws.write("d", "one")
    ws.mltrack("add", "d")
    ws.write(
        "mltrack.yaml", "stages:\n  s:\n    cmd: cp d o\n    deps: [d]\n    outs: [o]\n"
    )
    ws.write("d", "edited")
    assert "d differs from its pointer" in ws.mltrack("repro").err


# said well


def test_stage_add_keeps_the_quoting_of_what_was_typed(ws: Workspace) -> None:
    ws.mltrack(
        "stage",
        "add",
        "-n",
        "q",
        "-o",
        "q.txt",
        "--",
        "python",
        "-c",
        'open("q.txt", "w").write("a  b")',
    )
    ws.mltrack("repro")
    assert ws.read("q.txt") == "a  b"


def test_stage_add_refuses_an_output_inside_tracked_data(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    ws.mltrack("stage", "add", "-n", "s", "-o", "data/x", "touch data/x", code=1)
    assert not ws.exists("mltrack.yaml")


def test_a_path_wins_over_a_stage_of_the_same_name(ws: Workspace) -> None:
    ws.write("data/train/a", "x")
    ws.mltrack("add", "data")
    ws.write("mltrack.yaml", "stages:\n  train:\n    cmd: touch o\n    outs: [o]\n")
    ws.mltrack("repro")
    shutil.rmtree(ws.path / "data/train")
    (ws.path / "data/train").mkdir()
    ws.mltrack("checkout", "train", cwd=ws.path / "data")
    assert ws.read("data/train/a") == "x"


def test_ls_counts_the_files_of_subdirectories(ws: Workspace) -> None:
    for number in range(5):
        ws.write(f"data/sub/deep/{number}", "x")
    ws.mltrack("add", "data")
    assert ws.mltrack("ls", "data", "--json").json["tracked"][0]["files"] == 5


def test_a_broken_pipeline_file_does_not_keep_data_from_being_checked_out(
    ws: Workspace,
) -> None:
    ws.write("d", "x")
    ws.mltrack("add", "d")
    (ws.path / "d").unlink()
    ws.write("mltrack.yaml", "stages: [\n")
    ws.mltrack("checkout")
    assert ws.read("d") == "x"


def test_why_tells_values_apart_that_look_alike(ws: Workspace) -> None:
    ws.write("params.yaml", "a: 1\nb: {x: [1, 2]}\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    params: [a, b]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("params.yaml", "a: '1'\nb: {x: [1, 3]}\n")
    said = ws.mltrack("why", "s").out
    assert 'changed: 1 -> "1"' in said and "changed: x[1]: 2 -> 3" in said


def test_typing_mistakes_name_the_nearest(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  train:\n    cmd: touch o\n    outs: [o]\n")
    assert "did you mean 'train'?" in ws.mltrack("repro", "trian", code=2).err
    assert "error: " in ws.mltrack("status", "--chek", code=2).err
    assert (
        "two revisions are two words: v1 v2" in ws.mltrack("diff", "v1..v2", code=1).err
    )


# found by a second hostile reading


def test_undo_of_one_path_leaves_the_notes_of_the_others(ws: Workspace) -> None:
    for name in ("a", "b"):
        ws.write(name, "orig")
    ws.mltrack("add", "a", "b")
    for name in ("a", "b"):
        ws.write(name, f"mine {name}")
    ws.mltrack("checkout", "--force")
    ws.mltrack("undo", "a")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("mine a", "mine b")


def test_undo_leaves_files_that_were_made_since(ws: Workspace) -> None:
    ws.write("d/f", "orig")
    ws.mltrack("add", "d")
    ws.write("d/f", "mine")
    ws.mltrack("checkout", "--force")
    ws.write("d/later", "later")
    ws.mltrack("undo")
    assert ws.read("d/f") == "mine" and ws.read("d/later") == "later"


def test_repro_notes_an_edit_that_it_replaces_even_if_the_cache_has_its_bytes(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: echo hi > out\n    outs: [out]\n")
    ws.mltrack("repro")
    for _ in range(2):
        ws.write("out", "mine")
        assert "saved before it was replaced" in ws.mltrack("repro").err
        ws.mltrack("undo")
        assert ws.read("out") == "mine"


def test_a_stage_recovers_from_whatever_a_failed_run_left(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: sh s.sh\n    deps: [s.sh]\n    outs: [out]\n",
    )
    for mess in (
        "mkdir out; ln -s /etc/passwd out/x",
        "mkdir out; mkfifo out/p",
        "git init -q out",
        "touch real; ln -s real out",
    ):
        ws.write("s.sh", f"{mess}; exit 1")
        ws.mltrack("repro", code=8)
        ws.mltrack("status")
        ws.write("s.sh", f"mkdir out; echo '{mess}' > out/x")
        ws.mltrack("repro")
        assert ws.read("out/x").strip() == mess
    ws.write("s.sh", "mkdir out; ln -s /etc/passwd out/x")
    assert "cannot be recorded" in ws.mltrack("repro", code=8).err


def test_links_in_a_part_of_tracked_data_are_seen_through(ws: Workspace) -> None:
    ws.write("data/common/x", "1")
    (ws.path / "data/train").mkdir()
    (ws.path / "data/train/x").symlink_to("../common/x")
    ws.mltrack("add", "data")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data/train/x > out\n    deps: [data/train]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    ws.write("data/common/x", "2")
    ws.mltrack("add", "data")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_links_behind_links_are_seen_and_circles_end(ws: Workspace) -> None:
    ws.write("other/f", "1")
    for place in ("d", "shared"):
        (ws.path / place).mkdir()
    (ws.path / "shared/y").symlink_to("../other")
    (ws.path / "shared/back").symlink_to("../d")
    (ws.path / "d/x").symlink_to("../shared")
    (ws.path / "d/loop").symlink_to("loop")
    (ws.path / "d/dangling").symlink_to("nowhere")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat d/x/y/f > out\n    deps: [d]\n    outs: [out]\n",
    )
    ws.mltrack("repro")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("other/f", "2")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_a_stage_that_reads_an_output_through_a_link_in_a_directory_is_looked_at_after_it_was_written(
    ws: Workspace,
) -> None:
    (ws.path / "d").mkdir()
    (ws.path / "d/w").symlink_to("../wout")
    ws.write("src", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  w:\n    cmd: cat src > wout\n    deps: [src]\n    outs: [wout]\n"
        "  z:\n    cmd: cat d/w > out\n    deps: [d]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "w")
    ws.mltrack("repro")
    ws.write("src", "2")
    ws.mltrack("repro")
    assert ws.read("out") == "2"


def test_dependencies_and_lock_files_are_reached_through_linked_directories(
    ws: Workspace,
) -> None:
    (ws.path / "o").mkdir()
    (ws.path / "real").mkdir()
    (ws.path / "lnk").symlink_to("o")
    (ws.path / "way").symlink_to("real")
    ws.write("real/f", "1")
    ws.write("src", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cat lnk/uv.lock way/f > out\n    deps: [way/f]\n    env: {lock: lnk/uv.lock}\n    outs: [out]\n"
        "  w:\n    cmd: cat src > o/uv.lock\n    deps: [src]\n    outs: [o/uv.lock]\n",
    )
    for value in ("1", "2"):
        ws.write("src", value)
        ws.mltrack("repro")
        assert ws.read("out") == f"{value}1"


def test_checking_out_a_part_does_not_make_the_rest_look_edited(ws: Workspace) -> None:
    for number in (1, 2, 3):
        ws.write("data/sub/f", f"{number}")
        ws.write("data/g", f"{number}")
        ws.mltrack("add", "data")
        ws.commit(tag=f"v{number}")
    ws.git("checkout", "--quiet", "v1")
    ws.git("checkout", "--quiet", "v2", MLTRACK_HOOKS="0")
    ws.mltrack("checkout", "data/sub")
    assert ws.read("data/sub/f") == "2" and ws.read("data/g") == "1"
    ws.git("checkout", "--quiet", "v3")
    assert ws.read("data/sub/f") == "3" and ws.read("data/g") == "3"


def test_a_damaged_object_keeps_nobody_from_adding_others(ws: Workspace) -> None:
    ws.write("f", "precious-bytes")
    ws.mltrack("add", "f")
    corrupt(ws, b"precious-bytes", b"preciouS-bytes")
    for number in range(40):
        ws.write(f"g{number}", f"{number}")
    for number in range(40):
        ws.mltrack("add", f"g{number}")
    assert len(list((ws.path / ".mltrack/cache/packs").glob("*.pack"))) < 40


def test_first_pushes_at_once_join_one_remote(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.commit()
    clones = [shared.clone(tmp_path / f"c{number}") for number in range(3)]
    for number, clone in enumerate(clones):
        clone.write(f"g{number}", f"{number}")
        clone.mltrack("add", f"g{number}")
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "-q", "push", f"g{number}"],
            cwd=clone.path,
            env=clone.environment,
        )
        for number, clone in enumerate(clones)
    ]
    assert {process.wait(120) for process in running} == {0}
    for clone in clones:
        clone.mltrack("push", clone.path.name.replace("c", "g"))


def test_gc_keeps_what_a_tag_on_a_tree_names(ws: Workspace) -> None:
    ws.write("d", "tagged")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("tag", "t", "HEAD^{tree}")
    ws.write("d", "next")
    ws.mltrack("add", "d")
    ws.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    (ws.path / ".git/ORIG_HEAD").unlink(missing_ok=True)
    ws.git("reflog", "expire", "--expire=now", "--all")
    age(ws)
    ws.mltrack("gc")
    ws.git("checkout", "--quiet", "t", "--", "d.mlt")
    ws.mltrack("checkout")
    assert ws.read("d") == "tagged"
