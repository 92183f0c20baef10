"""Jobs are handed over, listed, followed, cancelled, and their results taken once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import DETACHED, add_runner, finished, stages
from tests.support.processes import ends
from tests.support.workspace import Workspace


def test_a_job_is_handed_over_listed_followed_and_its_result_taken(
    box: Workspace,
) -> None:
    box.write("mltrack.yaml", DETACHED)
    said = box.mltrack("repro", "--runner", "box", "--detach")
    assert (
        "t: handed over to box" in said.err
        and "1 handed over, 1 not reached" in said.out
        and not box.exists("o")
    )
    (job,) = box.mltrack("job", "list", "--json").json["jobs"]
    assert (
        job["label"] == "t"
        and job["state"] in ("queued", "running", "done")
        and job["runner"] == "box"
    )
    followed = box.mltrack("job", "attach", "t")
    assert "begun\n" in followed.out and "t: done" in followed.out
    said = box.mltrack("repro", "--runner", "box")
    assert "t: took the result of its job on box" in said.err
    assert (
        box.read("p") == "done\n"
        and "There are no jobs" in box.mltrack("job", "list").err
    )


def test_detached_jobs_of_this_machine_need_no_host(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("config", "--local", "runner.local.directory", str(tmp_path / "here"))
    ws.write("mltrack.yaml", DETACHED)
    ws.mltrack("repro", "--detach")
    assert not ws.exists("o") and "begun" in ws.mltrack("job", "logs", "-f", "t").out
    ws.mltrack("repro")
    assert ws.read("p") == "done\n"
    assert ws.mltrack("repro").out == "2 stages: 2 unchanged\n"


def test_a_job_is_cancelled_with_all_that_it_started(
    box: Workspace, tmp_path: Path
) -> None:
    box.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: sleep 100 & echo $! > {tmp_path}/pid; wait\n    outs: [o]\n",
    )
    box.mltrack("repro", "--runner", "box", "--detach")
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    job = box.mltrack("job", "list", "--json").json["jobs"][0]["id"]
    assert "t: cancelled" in box.mltrack("job", "cancel", job[:6]).out
    assert ends(int((tmp_path / "pid").read_text()))
    assert "There are no jobs" in box.mltrack("job", "list").err
    assert "there is no job 't'" in box.mltrack("job", "cancel", "t", code=2).err


def test_another_clone_takes_the_result(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", DETACHED)
    box.commit("Pipeline")
    other = box.clone(tmp_path / "clone")
    add_runner(other, sshd, tmp_path)
    box.mltrack("repro", "--runner", "box", "--detach")
    assert other.mltrack("job", "list", "--json").json["jobs"][0]["label"] == "t"
    other.mltrack("repro", "--runner", "box")
    assert other.read("p") == "done\n"


def test_more_jobs_than_slots_are_handed_over(box: Workspace) -> None:
    stages(
        box,
        a='{matrix: {n: [0, 1, 2, 3, 4, 5]}, cmd: "sleep 1; echo > a${item.n}", outs: ["a${item.n}"], resources: {gpus: 1}}',
    )
    assert "6 handed over" in box.mltrack("repro", "--runner", "box", "--detach").out
    assert "6 ran" in box.mltrack("repro", "--runner", "box", "-j", "6").out


@pytest.mark.parametrize("runner", ["local", "box"])
def test_what_always_runs_is_handed_over_and_taken_once(
    runner: str, box: Workspace, tmp_path: Path
) -> None:
    box.mltrack("config", "--local", "runner.local.directory", str(tmp_path / "here"))
    stages(
        box,
        ac=f'{{cmd: "sleep 1; date +%N > ac; echo x >> {tmp_path}/ac_runs", outs: [ac], always_changed: true}}',
        pe=f'{{cmd: "sleep 1; echo line >> pe; echo x >> {tmp_path}/pe_runs", outs: [{{pe: {{persist: true}}}}]}}',
    )
    box.mltrack("repro", "--runner", runner, "--detach")
    box.mltrack("repro", "--runner", runner, "-j", "2")
    assert (tmp_path / "ac_runs").read_text() == "x\n" and (
        tmp_path / "pe_runs"
    ).read_text() == "x\n"
    assert box.read("pe") == "line\n"
    box.mltrack("repro", "--runner", runner)
    assert (tmp_path / "ac_runs").read_text() == "x\nx\n"


def test_a_group_of_jobs_is_cancelled_by_its_name(box: Workspace) -> None:
    stages(
        box,
        t='{matrix: {n: [1, 2]}, cmd: "sleep 60; echo > o${item.n}", outs: ["o${item.n}"]}',
    )
    box.mltrack("repro", "--runner", "box", "--detach")
    assert "are 2 jobs" in box.mltrack("job", "logs", "t", code=2).err
    assert box.mltrack("job", "cancel", "t").out.count("cancelled") == 2
    assert "There are no jobs" in box.mltrack("job", "list").err


def test_a_plain_repro_takes_the_result_of_a_job_wherever_it_went(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a=f'{{cmd: "echo x >> {tmp_path}/ran; echo a > a", outs: [a]}}')
    finished(box)
    assert "running on box" in box.mltrack("status").out
    box.mltrack("repro")
    assert box.read("a") == "a\n" and (tmp_path / "ran").read_text() == "x\n"
    assert "running on" not in box.mltrack("status").out


def test_projects_without_a_commit_do_not_see_each_others_jobs(
    bare: Workspace, serve: Callable[[type[Sshd]], Any], tmp_path: Path
) -> None:
    sshd = serve(Sshd)
    (tmp_path / "other").mkdir()
    other = Workspace(tmp_path / "other", bare.environment)
    other.git("init", "--quiet")
    for one in (bare, other):
        one.mltrack("init")
        add_runner(one, sshd, tmp_path)
    stages(bare, a='{cmd: "sleep 1; echo a > a", outs: [a]}')
    bare.mltrack("repro", "--runner", "box", "--detach")
    assert len(bare.mltrack("job", "list", "--json").json["jobs"]) == 1
    assert other.mltrack("job", "list", "--json").json["jobs"] == []


def test_a_daemon_that_hides_from_us_does_not_outlive_its_job(
    box: Workspace, tmp_path: Path
) -> None:
    daemon = f"env -i setsid sh -c 'echo \\$\\$ > {tmp_path}/pid; exec sleep 100' > /dev/null 2>&1 &"
    box.write(
        "t.sh",
        daemon.replace("\\$", "$")
        + f"\nwhile [ ! -s {tmp_path}/pid ]; do sleep 0.05; done\necho o > o\n",
    )
    stages(box, t="{cmd: sh t.sh, deps: [t.sh], outs: [o]}")
    box.mltrack("repro", "--runner", "box")
    assert ends(int((tmp_path / "pid").read_text()))
