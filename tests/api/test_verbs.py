"""Every command of the command line, called from Python."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mltrack
from mltrack.cli.commands import COMMANDS
from mltrack.errors import (
    PartlyDoneError,
    UnsavedDataError,
    UsageError,
)
from tests.support.workspace import Workspace

CALLS = {
    "add": "add", "remove": "remove", "move": "move", "status": "status",
    "diff": "diff", "ls": "ls", "cat": "read", "get": "get",
    "import": "import_path", "log": "log", "update": "update", "checkout": "checkout",
    "edit": "edit", "commit": "commit", "resolve": "resolve", "du": "du",
    "check-ignore": "check_ignore", "undo": "undo", "remote": "remotes",
    "push": "push", "fetch": "fetch", "pull": "pull", "drop": "drop", "fsck": "fsck",
    "gc": "gc", "stage": "stages", "repro": "repro", "why": "why", "logs": "logs",
    "freeze": "freeze", "unfreeze": "unfreeze", "dag": "dag", "runner": "runners",
    "job": "jobs", "params": "params", "plots": "plots", "metrics": "metrics",
    "doctor": "doctor", "config": "config", "exp": "exp",
}  # fmt: skip
ELSEWHERE = {
    "init": "mltrack.init: there is no project yet",
    "completion": "of a shell",
    "cache": "a cache is shared once, by whoever sets up the machine",
}


@pytest.fixture
def here(ws: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    """A project with tracked data and a remote, and with the test in its directory."""
    ws.write("data/a", "one\n")
    ws.write("data/b", "two\n")
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.commit("one")
    monkeypatch.chdir(ws.path)
    return ws


@pytest.fixture
def pipeline(here: Workspace) -> Workspace:
    here.write("params.yaml", "n: 1\n")
    here.write(
        "mltrack.yaml",
        "stages:\n"
        "  count:\n    cmd: wc -l < data/a > lines; echo counted\n"
        "    deps: [data]\n    outs: [lines]\n"
        '  add:\n    cmd: \'echo "{\\"sum\\": ${n}}" > m.json\'\n'
        "    deps: [lines]\n    params: [n]\n    metrics: [m.json]\n",
    )
    here.mltrack("repro")
    here.commit("pipeline")
    here.git("tag", "v1")
    return here


def test_every_command_has_its_call() -> None:
    assert COMMANDS.keys() == CALLS.keys() | ELSEWHERE.keys()
    assert not [name for name in CALLS.values() if not hasattr(mltrack.Project, name)]


def test_nothing_is_printed(
    pipeline: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    project = mltrack.Project()
    project.status()
    project.push()
    project.repro(force=True)
    project.gc(dry_run=True)
    project.fsck()
    project.doctor()
    assert capfd.readouterr() == ("", "")


def test_tracked_data_is_renamed_taken_out_and_let_go(here: Workspace) -> None:
    project = mltrack.Project()
    assert project.move("data/a", "data/c").new == "data/c"
    assert project.remove("data/c").changed == ("data",)
    assert project.remove("data").removed == ("data",)
    assert project.ls() == [] and here.read("data/b") == "two\n"


def test_what_cannot_be_added_is_raised(here: Workspace) -> None:
    project = mltrack.Project()
    with pytest.raises(UsageError, match="nosuch"):
        project.add("nosuch")
    here.write("more", "3")
    with pytest.raises(PartlyDoneError, match="nosuch"):
        project.add("more", "nosuch")
    assert here.exists("more.mlt")


def test_data_comes_from_elsewhere_on_the_machine(
    here: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text("three\n")
    project = mltrack.Project()
    project.add(str(tmp_path / "new"), into="data")
    assert project.read("data/new") == b"three\n"
    project.add_from(tmp_path / "new", "copy")
    assert project.read("copy") == b"three\n"


def test_what_force_replaced_is_put_back(here: Workspace) -> None:
    project = mltrack.Project()
    here.write("data/a", "mine\n")
    with pytest.raises(UnsavedDataError):
        here.mltrack("push")
        here.git("commit", "-qam", "x", code=None)
        here.write("data/b", "other\n")
        project.add("data")
        here.git("checkout", "-q", "HEAD", "--", "data.mlt")
        here.write("data/a", "third\n")
        project.checkout("data")
    project.checkout("data", force=True)
    assert here.read("data/a") == "one\n"
    [back] = project.undo()
    assert back.path == "data" and here.read("data/a") == "third\n"


def test_space_is_measured_freed_and_checked(here: Workspace) -> None:
    project = mltrack.Project()
    [usage] = project.du()
    assert (usage.path, usage.files, usage.cached) == ("data", 2, 8)
    assert project.push(dry_run=True).moved.objects == 3
    project.push()
    assert not project.status(remote="store").unpushed
    assert project.fsck().is_clean and project.fsck(remote="store").is_clean
    dropped = project.drop("data", workspace=True)
    assert (dropped.objects, dropped.files) == (2, 2) and not here.exists("data/a")
    assert project.gc(dry_run=True).objects == 0
    assert project.gc_remote("store", dry_run=True).forgotten == 0
    project.pull()
    assert here.read("data/a") == "one\n"


def test_what_nobody_has_is_raised(here: Workspace) -> None:
    project = mltrack.Project()
    here.write("other", "here\n")
    project.add("other")
    project.push("other")
    project.drop("data", workspace=True, force=True)
    project.drop("other", workspace=True)
    with pytest.raises(PartlyDoneError, match="data"):
        project.fetch()
    with pytest.raises(PartlyDoneError, match="data"):
        project.pull()
    # the rest is here
    assert here.read("other") == "here\n"


def test_stages_are_declared_drawn_and_read(pipeline: Workspace) -> None:
    project = mltrack.Project()
    added = project.add_stage(
        "last", "cp m.json n.json", deps=["m.json"], outs=["n.json"]
    )
    assert added.address == "last"
    assert [stage.address for stage in project.stages()] == ["count", "add", "last"]
    dag = project.dag()
    assert dag == {
        "data": (), "count": ("data",), "add": ("count",), "last": ("add",),
    }  # fmt: skip
    assert "| count |" in str(dag) and "digraph" in dag.dot()
    assert "flowchart" in dag.mermaid()
    assert project.dag("count", files=True) == {"data": (), "lines": ("data",)}
    assert [step.verdict.value for step in project.plan().steps] == [
        "skip",
        "skip",
        "run",
    ]
    assert project.freeze("count") == ["count"] and project.freeze("count") == []
    assert project.unfreeze("count") == ["count"]


def test_a_stage_may_leave_what_it_writes_to_git(here: Workspace) -> None:
    stage = mltrack.Project().add_stage(
        "s", "echo", outs_no_cache=["o"], metrics_no_cache=["m.json"], deps=["data"]
    )
    assert [out.path for out in stage.outs if not out.cache] == ["o", "m.json"]


def test_versions_of_tags_are_sent_and_brought(here: Workspace) -> None:
    here.git("tag", "v1")
    here.write("data/a", "new\n")
    project = mltrack.Project()
    project.add("data")
    assert project.push(revs=["v1"], dry_run=True).moved.objects == 3
    assert project.push().moved.objects == 3
    assert project.push(all_tags=True).moved.objects == 2
    project.drop("data")
    assert project.fetch(all_tags=True, dry_run=True).fetched.moved.objects == 1


def test_what_stages_printed_is_kept(pipeline: Workspace) -> None:
    project = mltrack.Project()
    [log] = project.logs("count")
    assert log.state == "current" and project.printed("count") == b"counted\n"
    with pytest.raises(UsageError, match="1 logs"):
        project.printed("count", run=2)


def test_the_commits_that_recorded_data_are_listed(pipeline: Workspace) -> None:
    pipeline.write("data/a", "another\n")
    project = mltrack.Project()
    project.add("data")
    pipeline.commit("three")
    assert [one.described.subject for one in project.log("data")] == ["three", "one"]
    assert len(project.log(most=1)) == 1
    [old] = mltrack.Project(".", rev="v1").log("data")
    assert old.changes[0].path == "data" and old.changes[0].before is None


def test_data_at_a_url_is_imported_and_noted(here: Workspace, tmp_path: Path) -> None:
    (tmp_path / "shelf").write_text("1\n")
    project = mltrack.Project()
    url = f"file://{tmp_path / 'shelf'}"
    assert project.import_url(url).path == "shelf" and here.read("shelf") == "1\n"
    assert project.note_url(url, "later").content.kind == "url"
    [done] = project.update("later")
    assert done.is_changed and here.read("later") == "1\n"


def test_a_state_is_recorded_by_hand(pipeline: Workspace) -> None:
    pipeline.write("data/a", "one\ntwo\n")
    project = mltrack.Project()
    project.add("data")
    assert project.commit("count").stages == ("count",)
    assert project.why("count")[0].step.verdict.value == "skip"


def test_values_are_compared(pipeline: Workspace) -> None:
    project = mltrack.Project()
    project.repro(set={"n": 3})
    [change] = project.metrics_diff("v1")
    assert (change.file, change.key, change.old, change.new) == ("m.json", "sum", 1, 3)
    pipeline.write("params.yaml", "n: 2\n")
    assert [change.delta for change in project.params_diff()] == [1]
    assert mltrack.Project(".", rev="v1").metrics_diff("v1") == []


def test_a_revision_is_read_without_its_files(pipeline: Workspace) -> None:
    pipeline.git("rm", "-qrf", "mltrack.yaml", "mltrack.lock", "data.mlt")
    old = mltrack.Project(".", rev="v1")
    assert [stage.address for stage in old.stages()] == ["count", "add"]
    assert old.dag()["add"] == ("count",)
    assert [usage.path for usage in old.du()] == ["data", "lines", "m.json"]
    assert old.params() == {"params.yaml": {"n": 1}}
    assert old.printed("count") == b"counted\n"
    assert mltrack.Project().stages() == []


def test_files_are_copied_out_of_a_project(
    pipeline: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = mltrack.Project(str(pipeline.path), rev="v1")
    got = there.get("data/a", out="copy")
    assert (tmp_path / "copy").read_text() == "one\n" and len(got.items) == 1
    with pytest.raises(mltrack.MltrackError):
        there.get("data/b", out="copy")
    there.get("data/b", out=Path("copy"), force=True)
    assert (tmp_path / "copy").read_text() == "two\n"


def test_data_of_another_project_is_imported_and_updated(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.mltrack("push")
    mine = Workspace(tmp_path / "mine", here.environment)
    mine.path.mkdir()
    mine.git("init", "-q")
    project = mltrack.init(mine.path)
    done = project.import_path("data", str(here.path), out="theirs")
    assert done.path == "theirs" and mine.read("theirs/a") == "one\n"
    here.write("data/a", "new\n")
    here.mltrack("add", "data")
    here.commit("two")
    [again] = project.update()
    assert again.is_changed and mine.read("theirs/a") == "new\n"


def test_a_project_is_set_up(bare: Workspace, tmp_path: Path) -> None:
    project = mltrack.init(bare.path)
    assert project.add_remote("store", str(tmp_path / "store")).is_default
    assert [remote.name for remote in project.remotes()] == ["store"]
    project.set_config("core.jobs", "3", level="local")
    assert project.config("core.jobs")["core.jobs"].value == 3
    assert [runner.name for runner in project.runners()] == ["local"]
    assert project.jobs() == []
    # nothing was pushed to it yet
    bad = [check.name for check in project.doctor() if check.state == "bad"]
    assert bad == ["remote store"]


def test_a_secret_is_not_among_the_settings(here: Workspace) -> None:
    project = mltrack.Project()
    here.mltrack("remote", "add", "far", "s3://bucket/x")
    here.mltrack("remote", "modify", "--local", "far", "secret_key", "hunter2")
    assert "hunter2" not in str(project.config())


def test_conflicts_are_settled_or_raised(here: Workspace) -> None:
    project = mltrack.Project()
    here.git("checkout", "-qb", "other")
    for branch, text in (("other", "theirs\n"), ("-", "ours\n")):
        if branch == "-":
            here.git("checkout", "-q", "-")
        here.write("data/a", text)
        project.add("data")
        here.commit(text.strip())
    here.git("merge", "-q", "other", code=None)
    with pytest.raises(UnsavedDataError, match=r"data\.mlt"):
        project.resolve()
    with pytest.raises(UsageError, match="side"):
        project.resolve(side="mine")
    [settled] = project.resolve(side="theirs")
    assert settled.path == "data.mlt" and here.read("data/a") == "theirs\n"


def test_a_broken_pointer_that_a_transfer_leaves_out_is_raised(here: Workspace) -> None:
    here.write("other", "x")
    here.mltrack("add", "other")
    here.write("other.mlt", "<<<<<<< nothing\n")
    project = mltrack.Project()
    with pytest.raises(PartlyDoneError, match=r"other\.mlt"):
        project.push()
    # the rest is there
    assert here.mltrack("push", "data").said.startswith("Everything is there")


def test_what_is_ignored_says_by_which_line(here: Workspace) -> None:
    here.write(".mltrackignore", "*.tmp\n")
    [ignored] = mltrack.Project().check_ignore("data/x.tmp", "data/a")
    assert (ignored.path, ignored.line) == ("data/x.tmp", 1)


def test_files_that_are_links_become_writable(here: Workspace) -> None:
    project = mltrack.Project()
    project.set_config("cache.link", "hardlink", level="local")
    assert [path for path, _ in project.relink()] == ["data"]
    [edited] = project.edit("data/a")
    assert edited.path == "data/a"
    here.write("data/a", "written\n")
    assert not project.status().is_clean


LOADED = """
import json, sys
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
NOT_LOADED = {
    "yaml", "rich", "typer", "fsspec", "tomlkit", "IPython", "pandas", "polars",
    "mltrack.engine", "mltrack.verbs", "mltrack.store", "mltrack.git", "mltrack.cli",
    "mltrack.runners", "mltrack.workspace", "mltrack.config", "subprocess", "sqlite3",
}  # fmt: skip


def loaded_by(code: str, place: Path) -> set[str]:
    command = [sys.executable, "-c", LOADED.format(code=code)]
    done = subprocess.run(
        command,
        cwd=place,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("import mltrack", {"mltrack"}),
        ("import mltrack; mltrack.__version__; dir(mltrack)", {"mltrack"}),
        ("import mltrack; mltrack.MltrackError", {"mltrack", "mltrack.errors"}),
        ("import mltrack; mltrack.Project; mltrack.open; mltrack.read", None),
        ("import mltrack; mltrack.Project('.', rev='v1')", None),
    ],
    ids=["the package", "a look at it", "its error", "its functions", "a project"],
)
def test_nothing_is_loaded_before_it_is_used(
    tmp_path: Path, code: str, most: set[str] | None
) -> None:
    found = loaded_by(code, tmp_path)
    own = {name for name in found if name.partition(".")[0] == "mltrack"}
    assert not found & NOT_LOADED
    assert most is None or own <= most


def test_reading_a_file_loads_no_transfers_and_no_pipelines(here: Workspace) -> None:
    found = loaded_by("import mltrack; mltrack.read('data/a')", here.path)
    assert not found & {
        "mltrack.verbs.repro",
        "mltrack.verbs.transfers",
        "yaml",
        "rich",
    }
    assert "mltrack.verbs.reading" in found


def test_calls_of_several_threads_do_not_meet(pipeline: Workspace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    project = mltrack.Project()
    calls: list[Callable[[], object]] = [
        lambda: project.read("data/a"),
        lambda: mltrack.read("data/b", rev="v1"),
        lambda: [item.path for item in project.ls("data")],
        lambda: dict(mltrack.metrics()),
    ] * 16
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda call: call(), calls))
    assert found == [call() for call in calls[:4]] * 16


def test_the_log_of_a_project_is_its_history_and_that_of_the_package_the_logger(
    pipeline: Workspace,
) -> None:
    assert mltrack.Project().log()[0].commit
    mltrack.log(loss=0.5)
    assert pipeline.read("live/plots/loss.csv") == "step,loss\n0,0.5\n"
