"""Where commands find their files: the declared inputs and nothing else, and outputs
come back by rename.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.errors import WorkspaceError
from mltrack.objects.content import FILE, Content
from mltrack.runners import sandbox as module
from mltrack.runners.job import Item, Job, State
from mltrack.runners.sandbox import Sandbox, Workspace, can_bind
from mltrack.runners.scratch import Scratch, remove_leftovers
from tests.support import runners as support
from tests.support.runners import Bench, now, wait


class Killed(BaseException):
    """The process is gone."""


def made_in(sandbox: Sandbox, path: str, text: str) -> None:
    place = Path(sandbox._scratch) / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def homes(project: Path) -> list[Path]:
    return list((project / ".mltrack/tmp/sandboxes").iterdir())


INPUT = Content(FILE, "ab" * 16, 1)


@pytest.fixture(params=["hidden", "beside"])
def hides(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With bubblewrap, where it is there, and without."""
    hidden = request.param == "hidden"
    if hidden and not can_bind():
        pytest.skip("bubblewrap is not installed, or may not work here")
    monkeypatch.setattr(module, "can_bind", lambda: hidden)
    return hidden


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    top = tmp_path / "project"
    (top / "data/deep").mkdir(parents=True)
    (top / "data/deep/x").write_text("x")
    (top / "in").write_text("in")
    (top / "secret").write_text("secret")
    (top / "old").mkdir()
    (top / "old/before").write_text("before")
    yield top
    # the directory above them stays, for the next ones
    assert list((top / ".mltrack/tmp").glob("*/*")) == []


def job(*inputs: str, **changes: object) -> Job:
    given = {
        "key": "k",
        "label": "s",
        "shell": "/bin/sh",
        "directory": "",
        "items": (Item("", ("x",), ("out/o",)),),
        "inputs": dict.fromkeys(inputs, INPUT),
    }
    return Job(**{**given, **changes})  # type: ignore[arg-type]


MAKES_OUT = job(items=(Item("", ("x",), ("out",)),))


def run(place: Sandbox | Workspace, command: str, directory: str = "") -> str:
    cwd = os.path.normpath(os.path.join(place.root, directory))
    words = place.wrap(["sh", "-c", command], cwd)
    # bubblewrap goes there by itself
    start = cwd if os.path.isdir(cwd) else place.root
    done = subprocess.run(words, cwd=start, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_inputs_are_there_and_nothing_else(hides: bool, project: Path) -> None:
    place = Sandbox(str(project), job("in", "data"))
    found = run(place, "find . -type f -o -type l | sort").split()
    assert found == ["./data/deep/x", "./in"]
    assert run(place, "cat in data/deep/x; pwd") == f"inx{place.root}\n"
    assert (place.root == str(project)) == hides
    place.remove()


def test_commands_start_in_their_directory(hides: bool, project: Path) -> None:
    place = Sandbox(str(project), job(directory="made/here"))
    assert run(place, "pwd", "made/here") == f"{place.root}/made/here\n"
    place.remove()


def test_outputs_come_back_with_what_was_left_in_their_directories(
    hides: bool, project: Path
) -> None:
    outputs = ("out/o", "old", "in", "none")
    one = job("in", items=(Item("", ("x",), outputs[:2]), Item("b", ("x",), ("none",))))
    place = Sandbox(str(project), one)
    run(place, "echo new > out/o; echo after > old/after; echo x > other")
    place.collect(one)
    place.remove()
    assert (project / "out/o").read_text() == "new\n"
    # whoever runs a job has removed what is part of an output
    assert sorted(os.listdir(project / "old")) == ["after", "before"]
    assert not (project / "other").exists() and not (project / "none").exists()
    assert (project / "in").read_text() == "in"


def test_inputs_cannot_be_changed(hides: bool, project: Path) -> None:
    place = Sandbox(str(project), job("in", "data"))
    run(place, "echo changed > in || true; echo changed > data/deep/x || true")
    place.remove()
    assert (project / "in").read_text() == "in"
    assert (project / "data/deep/x").read_text() == "x"


def test_what_the_commands_go_on_from_is_a_copy(hides: bool, project: Path) -> None:
    one = job(kept=("old", "away"), checkpoint="ck")
    (project / "ck").mkdir()
    (project / "ck/state").write_text("1")
    place = Sandbox(str(project), one)
    found = run(
        place, "cat old/before ck/state; echo more > old/before; echo 2 > ck/state"
    )
    assert found == "before1"
    assert (project / "old/before").read_text() == "before"
    place.rescue(one)
    place.remove()
    assert (project / "ck/state").read_text() == "2\n"
    assert (project / "old/before").read_text() == "before"


def test_files_that_differ_for_one_run_stand_in_their_place(
    hides: bool, project: Path
) -> None:
    place = Sandbox(
        str(project), job("in", "data", files={"in": b"other", "d/e": b"1"})
    )
    assert run(place, "cat in d/e") == "other1"
    place.remove()
    assert (project / "in").read_text() == "in"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_no_path_leads_out(hides: bool, project: Path, path: str) -> None:
    for one in (
        job(files={path: b"x"}),
        job(items=(Item("", ("x",), (path,)),)),
    ):
        with pytest.raises(WorkspaceError, match="leads out of the sandbox"):
            Sandbox(str(project), one)
    assert not (project.parent / "x").exists()


def test_an_input_that_is_not_there_leaves_nothing(hides: bool, project: Path) -> None:
    if hides:
        place = Sandbox(str(project), job("away"))
        place.remove()
        return
    with pytest.raises(FileNotFoundError):
        Sandbox(str(project), job("away"))


def test_links_to_the_cache_lead_there_in_a_sandbox_too(
    hides: bool, project: Path
) -> None:
    objects = project / ".mltrack/cache/loose"
    objects.mkdir(parents=True)
    (objects / "ab").write_text("object")
    (project / "link").symlink_to(objects / "ab")
    place = Sandbox(str(project), job("link"), str(objects))
    assert run(place, "cat link") == "object"
    place.remove()


def test_virtual_environments_of_the_project_are_programs(
    hides: bool, project: Path
) -> None:
    (project / "venv").mkdir()
    (project / "venv/pyvenv.cfg").write_text("")
    (project / "venv/tool").write_text("tool")
    place = Sandbox(str(project), job())
    if hides:
        assert run(place, "cat venv/tool") == "tool"
    else:
        assert not os.path.exists(os.path.join(place.root, "venv"))
    place.remove()


def test_the_workspace_is_left_as_it_is(project: Path) -> None:
    (project / ".mltrack/tmp").mkdir(parents=True)
    place = Workspace(str(project))
    assert place.wrap(["x", "y"], "d") == ["x", "y"] and place.root == str(project)
    before = sorted(project.rglob("*"))
    place.collect(job())
    place.rescue(job(checkpoint="in"))
    place.remove()
    assert sorted(project.rglob("*")) == before


def test_a_stage_that_runs_for_days_keeps_its_directory(tmp_path: Path) -> None:
    sandbox = Sandbox(str(tmp_path), MAKES_OUT)
    made_in(sandbox, "out", "days of work")
    long_ago = time.time() - 2 * 86400
    for path in [*(tmp_path / ".mltrack").rglob("*"), tmp_path / ".mltrack"]:
        os.utime(path, (long_ago, long_ago))
    remove_stale_temporaries(str(tmp_path / ".mltrack/tmp"))
    remove_leftovers(str(tmp_path))
    sandbox.collect(MAKES_OUT)
    sandbox.remove()
    assert (tmp_path / "out").read_text() == "days of work" and not homes(tmp_path)


def test_what_a_killed_process_left_is_removed_at_once(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        made_in(Sandbox(str(tmp_path), MAKES_OUT), "out", "half")
        os._exit(0)
    os.waitpid(child, 0)
    assert homes(tmp_path)
    remove_leftovers(str(tmp_path))
    assert not homes(tmp_path) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_kill_while_an_output_is_replaced_loses_neither_old_nor_new(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_text("old")
    own = Scratch(str(tmp_path))
    os.mkdir(os.path.join(own.path, "out"))
    Path(own.path, "out/new").write_text("new")
    count, rename = iter(range(1, 9)), os.rename

    def dying(source: str, target: str) -> None:
        if next(count) == at:
            raise Killed
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", dying)
        patched.setattr("mltrack.runners.scratch._remove", lambda path: dying("", ""))
        with pytest.raises(Killed):
            own.bring_out("out")
    os.close(own._lock)  # as the kernel does
    remove_leftovers(str(tmp_path))
    assert [path.name for path in (tmp_path / "out").iterdir()] == (
        ["old"] if at < 3 else ["new"]
    )
    assert not homes(tmp_path)


def test_a_job_whose_outputs_cannot_get_to_their_places_is_not_done(
    tmp_path: Path,
) -> None:
    """A file stands where a directory above the output belongs."""
    bench = Bench(tmp_path, "local")
    runner = bench.open()
    ticket = runner.submit(
        support.job(
            "mkdir -p sub; echo 1 > sub/out", outputs=("sub/out",), isolated=True
        )
    )
    (bench.root / "sub").write_text("in the way")
    state, _ = wait(runner, ticket)
    assert state.state is State.FAILED and "sub" in state.problem
    assert now(runner, ticket).state is State.FAILED
    assert not homes(bench.root)
