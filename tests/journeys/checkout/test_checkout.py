"""checkout: files, directories, links and exec bits come back, whatever stands in their
place.
"""

import shutil
import sys

from tests.support.directories import dataset
from tests.support.refusal import refused
from tests.support.workspace import Workspace


def test_exec_bits_links_empty_files_and_directories_survive_push_pull_and_checkout(
    shared: Workspace,
) -> None:
    dataset(shared)
    shared.mltrack("add", "data")
    shared.commit("data")
    before = shared.files("data")
    shared.mltrack("push")
    shutil.rmtree(shared.path / "data")
    shutil.rmtree(shared.path / ".mltrack/cache")
    shared.mltrack("pull")
    assert shared.files("data") == before
    assert "link sub/b.bin" in before.values()


def test_checkout_of_one_path_leaves_the_others(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.write("data/b", "one")
    ws.mltrack("add", "data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout", "data/b")
    assert ws.files("data") == {"data/b": "file b'one'"}


def test_a_file_that_becomes_a_directory_and_back(ws: Workspace) -> None:
    ws.write("data/x", "file")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    (ws.path / "data/x").unlink()
    ws.write("data/x/y", "inside")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.files("data") == {"data/x": "file b'file'"}
    ws.git("checkout", "--quiet", "v2")
    assert ws.files("data") == {"data/x": "directory", "data/x/y": "file b'inside'"}


def test_a_target_that_changes_between_file_and_directory(ws: Workspace) -> None:
    ws.write("thing", "file")
    ws.mltrack("add", "thing")
    ws.commit(tag="v1")
    (ws.path / "thing").unlink()
    ws.write("thing/in", "side")
    ws.mltrack("add", "thing")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.read("thing") == "file"
    ws.git("checkout", "--quiet", "v2")
    assert ws.read("thing/in") == "side"


def test_data_that_is_no_longer_tracked_goes_with_its_pointer_and_comes_back_with_it(
    ws: Workspace,
) -> None:
    ws.commit(tag="v0")
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.git("checkout", "--quiet", "v0")
    assert not ws.exists("data")
    ws.git("checkout", "--quiet", "v1")
    assert ws.read("data/a") == "one"


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


def test_a_path_wins_over_a_stage_of_the_same_name(ws: Workspace) -> None:
    ws.write("data/train/a", "x")
    ws.mltrack("add", "data")
    ws.write("mltrack.yaml", "stages:\n  train:\n    cmd: touch o\n    outs: [o]\n")
    ws.mltrack("repro")
    shutil.rmtree(ws.path / "data/train")
    (ws.path / "data/train").mkdir()
    ws.mltrack("checkout", "train", cwd=ws.path / "data")
    assert ws.read("data/train/a") == "x"


def test_a_broken_pipeline_file_does_not_keep_data_from_being_checked_out(
    ws: Workspace,
) -> None:
    ws.write("d", "x")
    ws.mltrack("add", "d")
    (ws.path / "d").unlink()
    ws.write("mltrack.yaml", "stages: [\n")
    ws.mltrack("checkout")
    assert ws.read("d") == "x"


def test_a_missing_object_is_named_with_the_command_that_gets_it(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    shutil.rmtree(ws.path / ".mltrack/cache")
    shutil.rmtree(ws.path / "data")
    refused(ws, "checkout", says="xxh3:", hint="hint: mltrack pull")
    ws.mltrack("add", "data", code=2)
