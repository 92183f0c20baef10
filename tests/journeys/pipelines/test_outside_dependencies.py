"""Stages depend on files of this machine that lie in no project."""

import os
from pathlib import Path

import pytest

from tests.support.steps import causes, verdicts
from tests.support.workspace import Workspace


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    (path / "images/sub").mkdir(parents=True)
    (path / "words").write_text("one\n")
    (path / "images/1").write_text("1\n")
    (path / "images/sub/2").write_text("2\n")
    return path


def depends_on(
    ws: Workspace, dep: str, cmd: str = "echo x >> ../count; touch o"
) -> None:
    ws.write(
        "mltrack.yaml",
        f"stages:\n  s:\n    cmd: {cmd}\n    deps:\n      - {dep}\n    outs: [o]\n",
    )


def test_a_file_outside_counts_by_its_content(ws: Workspace, outside: Path) -> None:
    depends_on(ws, f"{outside}/words", f"cat {outside}/words > o")
    ws.mltrack("repro")
    os.utime(outside / "words", (1, 1))
    assert verdicts(ws)["s"] == "skip"
    (outside / "words").write_text("two\n")
    assert causes(ws, "s") == {("dependency-changed", f"{outside}/words")}
    assert f"{outside}/words" in ws.mltrack("why", "s").out
    assert f"{outside}/words" in ws.mltrack("dag").out
    assert f"{outside}/words" in ws.mltrack("dag", "--outs").out
    ws.mltrack("repro")
    assert ws.read("o") == "two\n"
    # the earlier result is that of the earlier bytes
    (outside / "words").write_text("one\n")
    assert "restored" in ws.mltrack("repro").out and ws.read("o") == "one\n"


def test_a_directory_outside_counts_with_everything_in_it(
    ws: Workspace, outside: Path
) -> None:
    (outside / "images/link").symlink_to("../words")
    depends_on(ws, f"{outside}/images/")
    ws.mltrack("repro")
    assert verdicts(ws)["s"] == "skip"
    (outside / "images/sub/2").write_text("two\n")
    assert verdicts(ws)["s"] == "run"
    ws.mltrack("repro")
    # what a link leads to is what a command reads
    (outside / "words").write_text("others\n")
    assert verdicts(ws)["s"] == "run"


@pytest.mark.parametrize("name", ["words", "images"])
def test_by_stamp_sizes_and_times_count_and_no_byte_is_read(
    ws: Workspace, outside: Path, name: str
) -> None:
    depends_on(ws, f"{outside}/{name}: {{by: stamp}}")
    ws.mltrack("repro")
    for path in (outside / "words", outside / "images/1"):
        stamps = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_text(path.read_text().replace("1", "7").replace("o", "O"))
        os.utime(path, ns=stamps)
    assert verdicts(ws)["s"] == "skip"
    for path in (outside / "words", outside / "images/1"):
        os.utime(path, (1, 1))
    assert causes(ws, "s") == {("dependency-changed", f"{outside}/{name}")}


def test_a_name_of_the_settings_gives_one_result_on_two_machines(
    shared: Workspace, outside: Path, tmp_path: Path
) -> None:
    depends_on(shared, "outside://data/words")
    named = shared.mltrack("repro", code=1).err
    assert "nothing on this machine is called outside://data" in named
    assert "mltrack config --local outside.data DIRECTORY" in named
    shared.mltrack("config", "--local", "outside.data", str(outside))
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.commit("ran")
    other = shared.clone(tmp_path / "clone")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "words").write_text("one\n")
    other.mltrack("config", "--local", "outside.data", str(elsewhere))
    other.mltrack("pull")
    assert "1 unchanged" in other.mltrack("repro").out
    # it names a place of one machine: git does not keep it
    refused = other.mltrack("config", "outside.data", str(elsewhere), code=1).err
    assert "outside.data" in refused and "--local" in refused


def test_what_vanishes_outside_is_named(ws: Workspace, outside: Path) -> None:
    depends_on(ws, f"{outside}/nowhere")
    done = ws.mltrack("repro", code=1)
    assert f"{outside}/nowhere" in done.said and "does not exist" in done.said


@pytest.mark.parametrize(
    ("dep", "said"),
    [
        ("/", "is the whole machine"),
        ("{ws}/in", "overlaps the project"),
        ("{ws}/..", "overlaps the project"),
        ("/dev/null", "not a regular file"),
        ("in: {{by: stamp}}", "has no settings"),
        ("{outside}/words: {{by: time}}", "'by' is stamp or content"),
        ("{outside}/words: {{size: 1}}", "size"),
    ],
)
def test_what_is_no_dependency_outside_is_refused_in_words(
    ws: Workspace, outside: Path, dep: str, said: str
) -> None:
    ws.write("in", "x")
    depends_on(ws, dep.format(ws=ws.path, outside=outside))
    done = ws.mltrack("repro", code=1)
    assert said in done.said and not ws.exists("../count")


def test_a_file_outside_that_changes_during_the_run_leaves_no_record(
    ws: Workspace, outside: Path
) -> None:
    depends_on(ws, f"{outside}/words", f"touch o; echo after > {outside}/words")
    done = ws.mltrack("repro", code=3)
    assert f"{outside}/words changed" in done.err
    assert verdicts(ws)["s"] == "run"


def test_a_stage_that_is_frozen_does_not_look_outside(
    ws: Workspace, outside: Path
) -> None:
    depends_on(ws, f"{outside}/words")
    ws.mltrack("repro")
    ws.mltrack("freeze", "s")
    (outside / "words").write_text("two\n")
    assert verdicts(ws)["s"] == "skip"


def test_a_dependency_outside_is_declared_by_stage_add(
    ws: Workspace, outside: Path
) -> None:
    words = f"{outside}/words"
    ws.mltrack("stage", "add", "-n", "s", "-d", words, "-o", "o", f"cp {words} o")
    ws.mltrack("repro")
    assert ws.read("o") == "one\n"
    assert ws.mltrack("stage", "list", "--json").json["stages"][0]["deps"] == [words]
