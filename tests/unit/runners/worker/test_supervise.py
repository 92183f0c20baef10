"""One attempt, carried out: its inputs are there, its outputs become objects, and
however it ends there is a result that says so.
"""

import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.worker import attempts as module
from mltrack.runners.worker import supervise
from mltrack.runners.worker.attempts import Attempt, Attempts, mark
from mltrack.runners.worker.objects import Objects
from mltrack.runners.worker.slots import Slots
from mltrack.runners.worker.supervise import Supervisor, bury, remove

KEY = "ab" * 16


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(["4", "7"], str(tmp_path / "locks"))


def given(*commands: str, outputs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "key": KEY,
        "token": os.urandom(16).hex(),
        "label": "s",
        "shell": "/bin/sh",
        "directory": "",
        "items": [{"id": "", "commands": list(commands), "outputs": list(outputs)}],
        "inputs": [],
        "files": {},
        "kept": [],
        "variables": {},
        "resources": {},
        **more,
    }


def begin(
    attempts: Attempts, objects: Objects, slots: Slots, job: dict[str, Any]
) -> tuple[Attempt, int]:
    """Starts an attempt in a process of its own: it ends all that this one started."""
    with attempts.alone(KEY):
        attempt, alive = attempts.create(KEY, job)
    child = os.fork()
    if not child:
        try:
            Supervisor(attempt, alive, job, objects, slots).run()
        finally:
            os._exit(0)
    os.close(alive)
    return attempt, child


def end(attempt: Attempt, child: int) -> dict[str, Any]:
    assert os.waitpid(child, 0)[1] == 0
    assert not os.path.exists(attempt.file("spare"))
    found: dict[str, Any] = json.loads(Path(attempt.file("result.json")).read_text())
    return found


class Run:
    """Runs jobs, one after another, and tells how each ended."""

    def __init__(self, attempts: Attempts, objects: Objects, slots: Slots) -> None:
        self.around = attempts, objects, slots
        self.attempt = Attempt("", 0, "")

    def __call__(self, *commands: str, **more: Any) -> dict[str, Any]:
        self.attempt, child = begin(*self.around, given(*commands, **more))
        return end(self.attempt, child)

    @property
    def log(self) -> str:
        return Path(self.attempt.file("log")).read_text()


@pytest.fixture
def run(attempts: Attempts, objects: Objects, slots: Slots) -> Run:
    return Run(attempts, objects, slots)


def put(objects: Objects, data: bytes) -> str:
    hex_digest = XXH3.hex_of(data)
    objects.put(hex_digest, data)
    return hex_digest


def file(path: str, data: bytes) -> list[Any]:
    return [path, "file", XXH3.hex_of(data), len(data), 1]


# how it goes


def test_outputs_become_objects_and_the_work_directory_goes(
    run: Run, objects: Objects
) -> None:
    found = run("mkdir d; echo 1 > d/x; echo 2 > o", outputs=("d", "o", "none"))
    assert (found["state"], found["exit_code"], found["missing"]) == (
        "done",
        0,
        ["none"],
    )
    outputs = found["items"][0]["outputs"]
    assert outputs["o"] == ["file", XXH3.hex_of(b"2\n"), 2, 1]
    assert objects.missing([tuple(outputs[name][:3]) for name in ("d", "o")]) == []
    assert not os.path.exists(run.attempt.work) and found["seconds"] >= 0
    state = json.loads(Path(run.attempt.file("state.json")).read_text())
    assert state["state"] == "running"


def test_commands_stop_at_the_first_that_fails_and_items_do_not(run: Run) -> None:
    items = [
        {"id": "a", "commands": ["echo 1", "exit 3", "echo never"], "outputs": ["o"]},
        {"id": "b", "commands": ["echo 2"], "outputs": []},
    ]
    found = run(items=items)
    assert run.log == "1\n2\n"
    assert (found["state"], found["exit_code"], found["command"]) == (
        "failed",
        3,
        "exit 3",
    )
    rows = [(row["id"], row["exit_code"]) for row in found["items"]]
    assert rows == [("a", 3), ("b", 0)] and found["missing"] == []
    lines = Path(run.attempt.file("items.jsonl")).read_text().splitlines()
    assert [json.loads(line) for line in lines] == found["items"]


def test_items_that_an_earlier_attempt_has_done_are_not_run_again(run: Run) -> None:
    items = [{"id": name, "commands": [f"echo {name}"], "outputs": []} for name in "ab"]
    done = {"id": "a", "exit_code": 0, "command": "", "outputs": {}, "missing": []}
    found = run(items=items, done=[done])
    assert run.log == "b\n" and [row["id"] for row in found["items"]] == ["a", "b"]


def test_commands_see_what_they_are_given(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "here")
    monkeypatch.setenv("GONE", "gone")
    found = run(
        "pwd; echo $HERE-$GONE-$A-$MLTRACK_ROOT; cat",
        directory="sub/deep",
        variables={"A": "1"},
        unset=["GONE"],
    )
    work = run.attempt.work
    assert run.log == f"{work}/sub/deep\nhere--1-{work}\n" and found["state"] == "done"


def test_a_setup_runs_before_each_command(run: Run) -> None:
    run("echo $A", setup="A=set")
    assert run.log == "set\n"
    assert run("echo $A", setup="exit 4")["exit_code"] == 4
    assert "the setup of this runner failed" in run.log


def test_time_is_over_for_all_commands_together(run: Run, objects: Objects) -> None:
    items = [
        {"id": "a", "commands": ["sleep 600"], "outputs": []},
        {"id": "b", "commands": ["echo never"], "outputs": []},
    ]
    found = run(items=items, timeout=0.2)
    assert found["timed_out"] and found["state"] == "failed" and run.log == ""
    assert [row["exit_code"] for row in found["items"]] == [-15]


def test_what_a_command_leaves_behind_ends_with_it(run: Run, tmp_path: Path) -> None:
    found = run(
        f"(setsid sh -c 'echo $$ > {tmp_path}/pid; sleep 600' &)\n"
        f"while [ ! -s {tmp_path}/pid ]; do sleep 0.01; done"
    )
    assert found["state"] == "done"
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")


def test_it_is_cancelled_by_a_mark(
    attempts: Attempts, objects: Objects, slots: Slots, tmp_path: Path
) -> None:
    command = f"trap 'echo asked; exit' TERM; echo > {tmp_path}/begun; sleep 600 & wait"
    attempt, child = begin(attempts, objects, slots, given(command))
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    assert module.is_alive(attempt) and module.look(attempt)["state"] == "running"
    mark(attempt, "cancel")
    found = end(attempt, child)
    assert found["state"] == "cancelled" and found["items"] == []
    assert Path(attempt.file("log")).read_text() == "asked\n"


# inputs


def test_inputs_are_there_and_files_differ_from_them(
    run: Run, objects: Objects
) -> None:
    put(objects, b"one")
    put(objects, b"two")
    found = run(
        "cat in conf deep/new > o",
        outputs=("o",),
        inputs=[file("in", b"one"), file("conf", b"two")],
        files={
            "conf": base64.b64encode(b"TWO").decode(),
            "deep/new": base64.b64encode(b"new").decode(),
        },
    )
    assert found["items"][0]["outputs"]["o"][1] == XXH3.hex_of(b"oneTWOnew")
    assert objects.has(XXH3.hex_of(b"two"), 3), "it was written through a link"


def test_who_writes_into_an_input_has_failed_and_the_input_is_dropped(
    run: Run, objects: Objects
) -> None:
    hex_digest = put(objects, b"one")
    found = run(
        "chmod u+w in; echo changed > in; cp in o",
        outputs=("o",),
        inputs=[file("in", b"one")],
    )
    assert found["state"] == "failed" and found["exit_code"] is None
    assert "in: its command, or another one" in found["problem"]
    assert not objects.has(hex_digest)


def test_what_it_goes_on_from_is_its_own(run: Run, objects: Objects) -> None:
    hex_digest = put(objects, b"one")
    found = run("echo two >> o", outputs=("o",), inputs=[file("o", b"one")], kept=["o"])
    assert found["items"][0]["outputs"]["o"][1] == XXH3.hex_of(b"onetwo\n")
    assert objects.has(hex_digest, 3)


def test_an_input_that_is_gone_loses_the_attempt(run: Run) -> None:
    found = run("echo never", inputs=[file("in", b"one")])
    assert found["state"] == "lost" and "is not here any more" in found["problem"]
    assert run.log == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": [file("../x", b"one")]},
        {"files": {"../x": ""}},
        {"outputs": ("/tmp/mltrack-nowhere/x",)},
        {"checkpoint": "../x"},
    ],
)
def test_no_path_leads_out_of_the_work_directory(
    run: Run, objects: Objects, changes: dict[str, Any]
) -> None:
    put(objects, b"one")
    found = run("echo never", **changes)
    assert found["state"] == "lost" and "leads out" in found["problem"]
    assert run.log == "" and not os.path.exists("/tmp/mltrack-nowhere")
    assert not os.path.exists(os.path.join(run.attempt.path, "x"))


def test_an_output_that_cannot_be_an_object_is_a_failure(run: Run) -> None:
    found = run("mkfifo o", outputs=("o",))
    assert found["state"] == "failed" and "neither a file" in found["problem"]


def test_a_job_that_makes_no_sense_has_a_result_all_the_same(run: Run) -> None:
    found = run("echo never", resources={"gpus": "many"})
    assert found["state"] == "failed" and "ValueError" in found["problem"]


def test_what_cannot_be_hashed_stays_as_files(
    attempts: Attempts, host: Path, slots: Slots
) -> None:
    objects = Objects(str(host), "xxh3", None)
    attempt, child = begin(
        attempts, objects, slots, given("echo 1 > o", outputs=("o",))
    )
    found = end(attempt, child)
    assert found["items"][0]["outputs"] == {"o": ["raw", "", 0]}
    assert Path(attempt.work, "o").read_text() == "1\n"


# checkpoints


def test_a_checkpoint_is_saved_only_by_who_did_not_end_well(
    run: Run, objects: Objects
) -> None:
    found = run("echo 1 > ck/at; false", checkpoint="ck")
    kind, hex_digest, size, files = found["checkpoint"]
    assert (kind, size, files) == ("tree", 2, 1)
    saved = {"checkpoint": "ck", "checkpoint_content": found["checkpoint"]}
    found = run("cat ck/at; echo 2 >> ck/at; false", **saved)
    assert run.log == "1\n" and found["checkpoint"][1] != hex_digest
    assert objects.missing([("tree", hex_digest, 2)]) == [], "it was written into"
    assert "checkpoint" not in run("true", **saved)
    assert "checkpoint" not in run("false", checkpoint="ck"), "nothing was saved in it"


def test_the_checkpoint_of_a_dead_supervisor_is_kept(
    attempts: Attempts, objects: Objects
) -> None:
    with attempts.alone(KEY):
        attempt, alive = attempts.create(KEY, {"checkpoint": "ck", "inputs": []})
    Path(attempt.work, "ck").mkdir(parents=True)
    Path(attempt.work, "ck/at").write_text("1")
    assert bury(attempt, objects)["state"] == "queued", "it lives"
    os.close(alive)
    found = bury(attempt, objects)
    assert found["state"] == "lost" and found["checkpoint"][0] == "tree"
    assert objects.missing([tuple(found["checkpoint"][:3])]) == []
    assert not os.path.exists(attempt.work)
    assert bury(attempt, objects) == found == module.look(attempt)
    assert bury(attempts.get(KEY, 9), objects)["state"] == "lost"
    assert not os.path.exists(attempts.get(KEY, 9).path)


# GPUs


def test_it_has_the_gpus_that_it_is_shown(run: Run, slots: Slots) -> None:
    found = run("echo $CUDA_VISIBLE_DEVICES; ls /proc/self/fd", resources={"gpus": 1.0})
    assert run.log.splitlines()[0] == "4" and found["gpus"] == ["4"]
    run('echo "[${CUDA_VISIBLE_DEVICES-unset}]"', resources={})
    assert run.log == "[unset]\n"
    run('echo "[${CUDA_VISIBLE_DEVICES-unset}]"', resources={"gpus": 0.0})
    assert run.log == "[]\n"
    assert [slot.holder for slot in slots.held()] == [None, None]


def test_it_waits_for_gpus_and_can_be_cancelled_there(
    attempts: Attempts, objects: Objects, slots: Slots
) -> None:
    held = slots.request(2, {"label": "other"})
    assert held.try_take()
    attempt, child = begin(
        attempts, objects, slots, given("echo never", resources={"gpus": 1.0})
    )
    while not os.path.exists(attempt.file("state.json")):
        time.sleep(0.01)
    assert module.look(attempt)["state"] == "queued"
    mark(attempt, "cancel")
    found = end(attempt, child)
    assert found["state"] == "cancelled" and found["gpus"] == []
    held.release()
    attempt, child = begin(
        attempts, objects, slots, given("true", resources={"gpus": 2.0})
    )
    assert end(attempt, child)["gpus"] == ["4", "7"]


def test_a_supervisor_is_heard_of(
    attempts: Attempts,
    objects: Objects,
    slots: Slots,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    os.mkfifo(tmp_path / "go")
    attempt, child = begin(attempts, objects, slots, given(f"cat {tmp_path}/go"))
    os.utime(attempt.file("alive"), (1.0, 1.0))
    while os.stat(attempt.file("alive")).st_mtime == 1.0:
        time.sleep(0.01)
    threading.Thread(target=(tmp_path / "go").write_text, args=("",)).start()
    assert end(attempt, child)["state"] == "done"


# faults


def test_on_a_full_disk_there_is_a_result_all_the_same(
    attempts: Attempts,
    objects: Objects,
    slots: Slots,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, fails = module.write_json, [True]

    def full(path: str, value: Any) -> None:
        if path.endswith("result.json") and fails:
            fails.clear()
            raise OSError(28, "No space left on device", path)
        real(path, value)

    monkeypatch.setattr(supervise.attempts, "write_json", full)
    attempt, child = begin(
        attempts, objects, slots, given("echo 1 > o", outputs=("o",))
    )
    found = end(attempt, child)
    assert (found["state"], found["items"], found["problem"]) == (
        "failed",
        [],
        "disk full",
    )


def test_a_directory_goes_with_all_that_was_made_read_only_in_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "d/e/f").mkdir(parents=True)
    (tmp_path / "d/e/f/x").write_text("x")
    (tmp_path / "kept").mkdir(mode=0o500)
    (tmp_path / "d/link").symlink_to(tmp_path / "kept")
    for name in ("d/e/f", "d/e"):
        (tmp_path / name).chmod(0o500)
    remove(str(tmp_path / "d"))
    remove(str(tmp_path / "d"))
    assert not (tmp_path / "d").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o500
