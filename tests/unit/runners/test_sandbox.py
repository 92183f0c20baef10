"""The directory of a sandboxed job: kept while its process lives, whatever its age, and
never the only place of what it replaced.
"""

import os
import time
from pathlib import Path

import pytest

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.runners.job import Item, Job, State
from mltrack.runners.sandbox import Sandbox
from mltrack.runners.scratch import Scratch, remove_leftovers
from tests.support import runners as support
from tests.support.runners import Bench, now, wait


class Killed(BaseException):
    """The process is gone."""


def job(*outputs: str, **settings: object) -> Job:
    items = (Item("", ("true",), outputs),)
    return Job("ab" * 16, "s", "/bin/sh", "", items, isolated=True, **settings)  # type: ignore[arg-type]


def made_in(sandbox: Sandbox, path: str, text: str) -> None:
    place = Path(sandbox._scratch) / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def homes(project: Path) -> list[Path]:
    return list((project / ".mltrack/tmp/sandboxes").iterdir())


def test_a_stage_that_runs_for_days_keeps_its_directory(tmp_path: Path) -> None:
    sandbox = Sandbox(str(tmp_path), job("out"))
    made_in(sandbox, "out", "days of work")
    long_ago = time.time() - 2 * 86400
    for path in [*(tmp_path / ".mltrack").rglob("*"), tmp_path / ".mltrack"]:
        os.utime(path, (long_ago, long_ago))
    remove_stale_temporaries(str(tmp_path / ".mltrack/tmp"))
    remove_leftovers(str(tmp_path))
    sandbox.collect(job("out"))
    sandbox.remove()
    assert (tmp_path / "out").read_text() == "days of work" and not homes(tmp_path)


def test_what_a_killed_process_left_is_removed_at_once(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        made_in(Sandbox(str(tmp_path), job("out")), "out", "half")
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
