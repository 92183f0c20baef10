"""Stages on GPUs and hosts, as a person uses them: the same file, the same keys, the
same results.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mltrack import project as projects
from tests.conftest import Workspace
from tests.services.servers import Sshd, has_other_user
from tests.support.hosts import add_runner
from tests.support.processes import ends
from tests.support.workspace import ROOT

Serve = Callable[[type[Sshd]], Any]


@pytest.fixture
def sshd(serve: Serve) -> Sshd:
    return serve(Sshd)  # type: ignore[no-any-return]


@pytest.fixture
def box(ws: Workspace, sshd: Sshd, tmp_path: Path) -> Workspace:
    """A project with a runner called box, of two GPU slots."""
    add_runner(ws, sshd, tmp_path)
    return ws


def keys(ws: Workspace) -> dict[str, str]:
    """The run keys of all results, by stage."""
    cache = projects.find(str(ws.path)).run_cache
    return {record.stage: record.key for _, record in cache.all()}


def events(ws: Workspace, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    out = ws.mltrack("repro", "--json", *arguments, code=code).out
    return [json.loads(line) for line in out.splitlines()]


DIGITS = """
stages:
  split:
    cmd: python split.py
    deps: [split.py, data/labels.csv]
    params: [split]
    outs: [work/split]
  features:
    cmd: python features.py
    deps: [features.py, data/images, work/split]
    outs: [work/features]
  train:
    matrix: {c: [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}
    cmd: python train_one.py ${item.c} models/${item.c}.pkl scores/${item.c}.json
    deps: [train_one.py, work/features]
    outs: ["models/${item.c}.pkl"]
    metrics: ["scores/${item.c}.json": {cache: false}]
    resources: {gpus: 1}
"""
TRAIN_ONE = """
import json, os, pickle, sys
import numpy as np
from sklearn.linear_model import RidgeClassifier
assert os.environ["CUDA_VISIBLE_DEVICES"] in ("0", "1")
x, y, test_x, test_y = (np.load(f"work/features/{name}.npy") for name in ("train_x", "train_y", "test_x", "test_y"))
model = RidgeClassifier(alpha=float(sys.argv[1])).fit(x, y)
pickle.dump(model, open(sys.argv[2], "wb"))
json.dump({"accuracy": model.score(test_x, test_y)}, open(sys.argv[3], "w"))
"""


@pytest.mark.slow
def test_the_digits_by_local_and_ssh_have_equal_keys_and_digests(
    ws: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    for path in (ROOT / "examples/digits").glob("*"):
        if path.suffix in (".py", ".yaml"):
            shutil.copy(path, ws.path)
    assert ws.run([sys.executable, "export.py"]).code == 0
    ws.mltrack("add", "data/images", "data/labels.csv")
    ws.write("mltrack.yaml", DIGITS)
    ws.write("train_one.py", TRAIN_ONE)
    ws.commit("Digits")
    other = ws.clone(tmp_path / "clone")
    shutil.copytree(
        ws.path / ".mltrack/cache", other.path / ".mltrack/cache", dirs_exist_ok=True
    )
    other.mltrack("checkout")
    ws.mltrack("config", "--local", "runner.local.gpus", "2")
    ws.mltrack(
        "config", "--local", "runner.local.gpu_locks", str(tmp_path / "local-locks")
    )
    add_runner(other, sshd, tmp_path)
    other.mltrack(
        "config",
        "--local",
        "runner.box.setup",
        f"export PATH={Path(sys.executable).parent}:$PATH",
    )
    ws.mltrack("repro", "--runner", "local", "-j", "2")
    other.mltrack("repro", "--runner", "box", "-j", "4")
    assert keys(ws) == keys(other) and len(keys(ws)) == 22
    assert ws.read("mltrack.lock") == other.read("mltrack.lock")
    for one in (ws, other):
        assert (
            "22 unchanged"
            in one.mltrack("repro", "--runner", "local" if one is ws else "box").out
        )
        for name in ("models", "work", "scores"):
            shutil.rmtree(one.path / name)
        (one.path / "mltrack.lock").unlink()
        shutil.rmtree(one.path / ".mltrack/journal")
        assert (
            "22 restored"
            in one.mltrack("repro", "--runner", "local" if one is ws else "box").out
        )


def test_a_stage_names_its_runner_and_the_others_stay_here(box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: pwd > a\n    outs: [a]\n"
        "  b:\n    cmd: pwd > b; cat a >> b\n    deps: [a]\n    outs: [b]\n    runner: box\n"
        "  c:\n    cmd: cat b > c\n    deps: [b]\n    outs: [c]\n    runner: [nowhere, local]\n",
    )
    said = box.mltrack("repro", code=1).err
    assert "there is no runner 'nowhere'" in said and not box.exists("a")
    box.write("mltrack.yaml", box.read("mltrack.yaml").replace("nowhere, ", ""))
    box.mltrack("repro")
    first, second = box.read("b").splitlines()
    assert (
        "host/jobs/" in first
        and second == str(box.path)
        and box.read("c") == box.read("b")
    )


def test_the_next_runner_of_a_list_is_taken_where_the_first_cannot_be_reached(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "gone", host="nobody.invalid")
    box.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: pwd > a\n    outs: [a]\n    runner: [gone, box]\n",
    )
    box.mltrack("repro")
    assert "host/jobs/" in box.read("a")


def test_dirty_trees_are_sent_as_they_stand_and_only_what_the_host_lacks(
    box: Workspace,
) -> None:
    box.write("data/big", os.urandom(64 << 20))
    box.write("train.py", "print(1)\n")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: cat data/big train.py | wc -c > n\n    deps: [data, train.py]\n    outs: [n]\n",
    )
    sent = [
        event["sent"]
        for event in events(box, "--runner", "box")
        if event["event"] == "StageFinished"
    ]
    assert sent[0] > 64 << 20
    box.write("train.py", "print(22)\n")
    sent = [
        event["sent"]
        for event in events(box, "--runner", "box")
        if event["event"] == "StageFinished"
    ]
    assert 0 < sent[0] < 4096 and box.read("n").strip() == str((64 << 20) + 10)


def test_links_and_odd_names_travel(box: Workspace) -> None:
    names = ["with space", "quo'te\"", "do$lar", "new\nline", "-dash", "ünï", "%41"]
    for name in names:
        box.write(f"in/{name}", name)
    os.symlink("with space", box.path / "in/link")
    box.write("-odd 'na$me.txt", "odd")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: cp -a in out && cat ./-odd* > 'out/-o $x'\n    deps: [in, \"-odd 'na$me.txt\"]\n    outs: [out]\n",
    )
    box.mltrack("repro", "--runner", "box")
    assert sorted(os.listdir(box.path / "out")) == sorted([*names, "link", "-o $x"])
    assert (
        os.readlink(box.path / "out/link") == "with space"
        and box.read("out/new\nline") == "new\nline"
    )


def test_the_values_of_declared_variables_travel_and_others_do_not(
    box: Workspace,
) -> None:
    box.write(
        "mltrack.yaml",
        'stages:\n  t:\n    cmd: echo "$SEED,$OTHER" > o\n    env: {vars: [SEED]}\n    outs: [o]\n',
    )
    box.mltrack("repro", "--runner", "box", SEED="7 '$x", OTHER="no")
    assert box.read("o") == "7 '$x,\n"


def test_params_of_one_run_reach_the_host(box: Workspace) -> None:
    box.write("params.yaml", "n: 1\n")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: cat params.yaml > o\n    params: [n]\n    outs: [o]\n",
    )
    box.mltrack("repro", "--runner", "box", "--set", "n=5")
    assert "5" in box.read("o") and box.read("params.yaml") == "n: 1\n"


def test_a_persistent_output_goes_on_from_what_is_there(box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo x >> log\n    always_changed: true\n    outs: [log: {persist: true}]\n",
    )
    for _ in range(3):
        box.mltrack("repro", "--runner", "box")
    assert box.read("log") == "x\nx\nx\n"


def test_an_undeclared_file_is_named(box: Workspace) -> None:
    box.write("secret.txt", "x")
    box.write(
        "mltrack.yaml", "stages:\n  t:\n    cmd: cat secret.txt > o\n    outs: [o]\n"
    )
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "on worker it looked for secret.txt, which it does not declare" in said


# handing over


DETACHED = "stages:\n  t:\n    cmd: echo begun; sleep 1; echo done > o\n    outs: [o]\n  u:\n    cmd: cat o > p\n    deps: [o]\n    outs: [p]\n"


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


# outputs that stay


def test_outputs_stay_on_the_host_until_they_are_fetched(box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: mkdir m && head -c 3000000 /dev/urandom > m/w && echo '{\"a\":1}' > s.json\n    outs: [m]\n"
        "    metrics: [s.json: {cache: false}]\n  u:\n    cmd: wc -c < m/w > n\n    deps: [m]\n    outs: [n]\n",
    )
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    assert (
        not box.exists("m")
        and not box.exists("n")
        and box.read("s.json") == '{"a":1}\n'
    )
    assert (
        "3000000" in box.read("mltrack.lock")
        and "up to date" in box.mltrack("status").out
    )
    assert "2 unchanged" in box.mltrack("repro", "--runner", "box").out
    assert "from the hosts that made them" in box.mltrack("fetch").out
    box.mltrack("checkout")
    assert (box.path / "m/w").stat().st_size == 3000000 and box.read(
        "n"
    ).strip() == "3000000"


def test_fetching_one_output_leaves_the_other_on_the_host(
    box: Workspace, tmp_path: Path
) -> None:
    """A month goes by, and another job fills the host's cache."""
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo 1 > a && echo 2 > b\n    outs: [a, b]\n",
    )
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.mltrack("fetch", "a")
    for path in (tmp_path / "host/objects").rglob("*/*/*"):
        os.utime(path, ns=(0, path.stat().st_mtime_ns))
    (tmp_path / "host/housekeeping").unlink()
    box.mltrack("config", "--local", "runner.box.cache_limit", "1B")
    box.mltrack("runner", "check", "box")
    box.mltrack("fetch", "b")
    box.mltrack("checkout")
    assert box.read("a") == "1\n" and box.read("b") == "2\n"
    assert not list((tmp_path / "host/jobs").rglob("held"))


def test_what_stayed_on_a_runner_that_was_removed_comes_from_a_remote(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    """Another clone fetched and pushed it."""
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo model > m\n    outs: [m]\n")
    box.mltrack("remote", "add", "store", str(tmp_path / "store"))
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.commit("Run")
    other = box.clone(tmp_path / "clone")
    add_runner(other, sshd, tmp_path)
    box.mltrack("push", code=None)
    other.mltrack("fetch")
    other.mltrack("checkout")
    other.mltrack("push")
    box.mltrack("runner", "remove", "box")
    assert "box" not in box.mltrack("runner", "list").out
    box.mltrack("pull")
    assert box.read("m") == "model\n"


def test_what_stayed_is_brought_for_a_stage_that_runs_here(box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo model > m\n    outs: [m]\n    runner: box\n  u:\n    cmd: cat m > n\n    deps: [m]\n    outs: [n]\n",
    )
    box.mltrack("repro", "--no-fetch")
    assert box.read("n") == "model\n"


def test_another_clone_fetches_what_stayed(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo model > m\n    outs: [m]\n")
    box.mltrack("remote", "add", "store", str(tmp_path / "store"))
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.commit("Run")
    other = box.clone(tmp_path / "clone")
    add_runner(other, sshd, tmp_path)
    (tmp_path / "store").mkdir()
    box.mltrack("push", code=None)
    other.mltrack("pull")
    assert other.read("m") == "model\n"


# GPUs


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_sent(
    box: Workspace, tmp_path: Path
) -> None:
    box.mltrack("config", "--local", "runner.box.gpus", "0")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n    resources: {gpus: 1}\n",
    )
    said = box.mltrack("repro", "--runner", "box", code=1).err
    assert (
        "stage 't' needs 1 of 'gpus'; box has 0" in said and "runner.box.gpus 1" in said
    )
    assert not list((tmp_path / "host/objects").rglob("*/*/*")) and not list(
        (tmp_path / "host/jobs").iterdir()
    )


def test_two_processes_share_the_gpus_of_this_machine(
    ws: Workspace, tmp_path: Path
) -> None:
    import subprocess

    locks = str(tmp_path / "locks")
    text = (
        "stages:\n  t:\n    matrix: {n: [0, 1, 2]}\n    resources: {gpus: 1}\n    outs: ['o${item.n}']\n"
        f"    cmd: mkdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES && sleep 0.3 && rmdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES"
        " && touch o${item.n}\n"
    )
    ws.write("mltrack.yaml", text)
    ws.commit("Pipeline")
    other = ws.clone(tmp_path / "clone")
    processes = []
    for one in (ws, other):
        one.mltrack("config", "--local", "runner.local.gpus", "2")
        one.mltrack("config", "--local", "runner.local.gpu_locks", locks)
    for one in (ws, other):
        command = [sys.executable, "-P", "-m", "mltrack", "repro", "-j", "2"]
        processes.append(
            subprocess.Popen(
                command, cwd=one.path, env=one.environment, stderr=subprocess.PIPE
            )
        )
    for process in processes:
        assert process.wait(60) == 0, process.stderr.read() if process.stderr else ""


def test_who_holds_a_gpu_is_shown(ws: Workspace, tmp_path: Path) -> None:
    import subprocess

    ws.mltrack("config", "--local", "runner.local.gpus", "2")
    ws.mltrack("config", "--local", "runner.local.gpu_locks", str(tmp_path / "locks"))
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: touch {tmp_path}/go; sleep 3\n    resources: {{gpus: 1}}\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "repro", "-q"],
        cwd=ws.path,
        env=ws.environment,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    said = ws.mltrack("runner", "check", "local").out
    assert f"process {process.pid}: t" in said and "GPU 1: free" in said
    process.kill()  # the command goes on, and so does its hold on the GPU
    process.wait()
    assert "GPU 0: held" in ws.mltrack("runner", "check", "local").out
    ws.mltrack("repro", "-q", code=None)
    assert "GPU 0: free" in ws.mltrack("runner", "check", "local").out


def test_two_users_share_the_gpus_of_a_host(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    import subprocess
    import tempfile

    if not has_other_user():
        pytest.skip(
            "there is no second user mltrack-other, or this one may not log in as it"
        )
    with tempfile.TemporaryDirectory(prefix="mltrack-shared-") as shared:
        os.chmod(shared, 0o1777)
        add_runner(box, sshd, Path(shared), "mine")
        add_runner(box, sshd, Path(shared), "theirs", host="other")
        box.mltrack("config", "--local", "runner.theirs.directory", "~/.mltrack-test")
        note = f"mkdir {shared}/g-$CUDA_VISIBLE_DEVICES && sleep 0.4 && rmdir {shared}/g-$CUDA_VISIBLE_DEVICES && id -un > o"
        box.write(
            "mltrack.yaml",
            f"stages:\n  t:\n    matrix: {{n: [0, 1, 2, 3, 4, 5]}}\n    cmd: {note}${{item.n}}\n    outs: ['o${{item.n}}']\n"
            "    resources: {gpus: 1}\n",
        )
        box.commit("Pipeline")
        other = box.clone(tmp_path / "clone")
        shutil.copy(
            box.path / ".mltrack/config.local.toml",
            other.path / ".mltrack/config.local.toml",
        )
        processes = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "mltrack",
                    "repro",
                    "-j",
                    "6",
                    "--runner",
                    name,
                ],
                cwd=one.path,
                env=one.environment,
                stderr=subprocess.PIPE,
            )
            for one, name in ((box, "mine"), (other, "theirs"))
        ]
        for process in processes:
            assert process.wait(60) == 0, (
                process.stderr.read() if process.stderr else ""
            )
        assert other.read("o0") == "mltrack-other\n"


# several hosts


def test_a_pool_uses_all_of_its_hosts(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "pool", gpus=1, host="worker,second")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    matrix: {n: [0, 1, 2, 3]}\n    cmd: sleep 0.3; touch o${item.n}\n    outs: ['o${item.n}']\n"
        "    resources: {cpus: 1}\n",
    )
    box.mltrack("config", "--local", "runner.pool.cpus", "1")
    places = {
        (event["stage"], event["place"])
        for event in events(box, "--runner", "pool", "-j", "4")
        if event["event"] == "StagePlaced" and event["place"]
    }
    assert {place for _, place in places} == {"worker", "second"}


def test_a_host_of_a_pool_that_cannot_be_reached_is_left_out_and_named(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "pool", host="nobody.invalid,worker")
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    said = box.mltrack("repro", "--runner", "pool").err
    assert (
        "warning: pool: nobody.invalid is left out" in said and box.read("o") == "x\n"
    )


# faults


def test_failures_are_told_by_kind_and_tried_again_by_their_rule(
    box: Workspace, tmp_path: Path
) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: sh t.sh\n    deps: [t.sh]\n    outs: [o]\n",
    )
    box.write(
        "t.sh",
        f"echo x >> {tmp_path}/n; echo 'CUDA error: uncorrectable ECC error encountered' >&2; exit 1\n",
    )
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "the machine is at fault" in said and "trying again" in said
    assert (tmp_path / "n").read_text().count("x") == 3
    box.write("t.sh", "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1\n")
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "out of GPU memory" in said and "trying again" not in said


@pytest.mark.parametrize("where", ["local", "box"])
def test_a_checkpoint_is_restored_by_the_next_try(where: str, box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo step >> ck/at; test $(wc -l < ck/at) -ge 3 && cp ck/at o\n    outs: [o]\n    checkpoint: ck\n"
        "    retry: {tries: 2}\n",
    )
    box.mltrack("repro", "--runner", where, code=8)
    assert not box.exists("ck")
    said = box.mltrack("repro", "--runner", where)
    assert box.read("o") == "step\nstep\nstep\n" and not box.exists("ck")
    assert where == "box" or "resuming from its checkpoint" in said.err
    # another key finds none
    box.write("mltrack.yaml", box.read("mltrack.yaml").replace("-ge 3", "-ge 1"))
    box.mltrack("repro", "--runner", where)
    assert box.read("o") == "step\n"


def test_a_host_that_cannot_be_reached_is_told_in_sshs_words(
    box: Workspace, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    config = tmp_path / "config"
    config.write_text("Host worker\n  HostName 127.0.0.1\n  Port 1\n")
    box.mltrack("config", "--local", "runner.box.ssh_config", str(config))
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert (
        "ssh cannot reach worker" in said
        and "Connection refused" in said
        and "ssh -F" in said
    )
    assert "cannot be reached" in box.mltrack("runner", "check", "box", code=6).err


def test_a_host_whose_key_changed_is_refused_and_never_overridden(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    known = tmp_path / "known_hosts"
    other = (sshd.home / ".ssh/id.pub").read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 {other}\n")
    config = tmp_path / "config"
    config.write_text(
        sshd.config.read_text().replace(f"{sshd.home}/.ssh/known_hosts", str(known))
    )
    box.mltrack("config", "--local", "runner.box.ssh_config", str(config))
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert "Host key verification failed" in said
    assert known.read_text().count("\n") == 1


def test_a_host_without_python_says_so(box: Workspace) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    box.mltrack("config", "--local", "runner.box.python", "/nowhere/python3")
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert "worker has no /nowhere/python3" in said and "runner.NAME.python" in said


def test_a_host_that_cannot_hash_gives_its_results_all_the_same(
    box: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/lib").write_text("where libraries would lie")
    box.write("in", "input")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: mkdir -p d/e && cp in d/e/x && chmod +x d/e/x && ln -s x d/e/l && echo 1 > f\n    deps: [in]\n    outs: [d, f]\n",
    )
    said = box.mltrack("repro", "--runner", "box", "--no-fetch", code=2).err
    assert "have no library to hash with" in said and not box.exists("f")
    box.mltrack("repro", "--runner", "box")
    assert (
        box.read("d/e/x") == "input"
        and os.access(box.path / "d/e/x", os.X_OK)
        and os.readlink(box.path / "d/e/l") == "x"
    )
    assert (
        "up to date" in box.mltrack("status").out
        and "hashed when they are back" in box.mltrack("runner", "check", "box").out
    )


def test_a_pipe_among_the_outputs_of_a_host_that_cannot_hash_is_named(
    box: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/lib").write_text("where libraries would lie")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: mkdir d && mkfifo d/pipe\n    outs: [d]\n",
    )
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "d/pipe is neither a file nor a directory nor a link" in said


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    import subprocess

    path.mkdir(parents=True, exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
        capture_output=True,
    ).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_full_disk_on_the_host_is_told_and_the_host_stays_usable(
    box: Workspace, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "host", "4m"):
        box.write(
            "mltrack.yaml",
            "stages:\n  t:\n    cmd: head -c 8000000 /dev/zero > o\n    outs: [o]\n",
        )
        said = box.mltrack("repro", "--runner", "box", code=8).err
        assert "No space left on device" in said or "exit code 1" in said
        box.write("big", os.urandom(8 << 20))
        box.write(
            "mltrack.yaml",
            "stages:\n  t:\n    cmd: cat big > o\n    deps: [big]\n    outs: [o]\n",
        )
        said = box.mltrack("repro", "--runner", "box", code=8).err
        assert "worker" in said and "No space left on device" in said
        box.write(
            "mltrack.yaml", "stages:\n  t:\n    cmd: echo small > o\n    outs: [o]\n"
        )
        box.mltrack("repro", "--runner", "box")
        assert box.read("o") == "small\n"


def test_a_clock_that_is_an_hour_off_does_no_harm(
    box: Workspace, tmp_path: Path
) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nexec faketime -f "+1h" /usr/bin/env python3 "$@"\n')
    python.chmod(0o755)
    box.mltrack("config", "--local", "runner.box.python", str(python))
    box.write("mltrack.yaml", DETACHED)
    box.mltrack("repro", "--runner", "box", "--detach")
    assert box.mltrack("job", "list", "--json").json["jobs"][0]["age"] < 600
    box.mltrack("repro", "--runner", "box")
    assert box.read("p") == "done\n" and "up to date" in box.mltrack("status").out
    assert "3600 s ahead" in box.mltrack("runner", "check", "box").out


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=touch pwned", "a b", "a;b", "$(id)", ""]
)
def test_a_host_that_is_no_name_is_refused(host: str, ws: Workspace) -> None:
    said = ws.mltrack("runner", "add", "x", "--", host, code=1).err
    assert "not the name of a host" in said
    assert not ws.exists("pwned")


def test_unknown_and_wrong_runners_are_refused_with_a_hint(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    assert (
        "there is no runner 'nope'"
        in ws.mltrack("repro", "--runner", "nope", code=2).err
    )
    assert (
        "'local' is this machine"
        in ws.mltrack("runner", "add", "local", "gpu1", code=2).err
    )
    ws.mltrack("config", "--local", "runner.half.gpus", "2")
    assert (
        "runner.half.type is not set"
        in ws.mltrack("repro", "--runner", "half", code=1).err
    )
    assert (
        "not a name for a runner"
        in ws.mltrack("runner", "add", "a/b", "gpu1", code=2).err
    )
    ws.mltrack("runner", "add", "rack", "gpu1", "gpu2")
    assert (
        "there is a runner 'rack' already"
        in ws.mltrack("runner", "add", "rack", "gpu3", code=2).err
    )
    found = ws.mltrack("runner", "list", "--json").json["runners"]
    assert [one["name"] for one in found] == ["local", "rack"] and found[1][
        "hosts"
    ] == ["gpu1", "gpu2"]


def test_a_committed_config_names_no_program_of_a_host(ws: Workspace) -> None:
    config = ws.path / ".mltrack/config.toml"
    config.write_text(
        config.read_text()
        + '\n[runner.x]\ntype = "ssh"\nhosts = ["h"]\npython = "/tmp/evil"\n'
    )
    assert (
        "may not stand in the committed config"
        in ws.mltrack("runner", "list", code=1).err
    )


def test_a_tampered_job_directory_is_named(box: Workspace, tmp_path: Path) -> None:
    box.write("mltrack.yaml", DETACHED)
    box.mltrack("repro", "--runner", "box", "--detach")
    box.mltrack("job", "attach", "t")
    (result,) = (tmp_path / "host/jobs").rglob("result.json")
    result.write_text(result.read_text().replace('"state":"done"', '"state":"well"'))
    said = box.mltrack("repro", "--runner", "box", code=None)
    assert str(result) in said.err and not box.exists("p")
