"""What a hostile tester broke in the runners, each once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import add_runner
from tests.support.processes import ends
from tests.support.workspace import Workspace


@pytest.fixture
def box(ws: Workspace, serve: Callable[[type[Sshd]], Any], tmp_path: Path) -> Workspace:
    add_runner(ws, serve(Sshd), tmp_path)
    return ws


def stages(ws: Workspace, **blocks: str) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n" + "".join(f"  {name}: {block}\n" for name, block in blocks.items()),
    )


def result_of(place: Path) -> Path:
    (path,) = (place / "host/jobs").rglob("result.json")
    return path


def finished(box: Workspace) -> None:
    box.mltrack("repro", "--runner", "box", "--detach")
    box.mltrack("job", "attach", "a")


def test_a_host_names_no_file_that_nobody_asked_for(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    finished(box)
    result = json.loads(result_of(tmp_path).read_text())
    outputs = result["items"][0]["outputs"]
    outputs[str(tmp_path / "pwned")] = outputs["../../pwned"] = outputs["a"]
    result_of(tmp_path).write_text(json.dumps(result))
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert (
        "which nobody asked for" in said
        and not (tmp_path / "pwned").exists()
        and not box.exists("a")
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result["items"][0].pop("exit_code"),
        lambda result: result["items"][0]["outputs"].update(a=7),
        lambda result: result.update(items="x"),
        lambda result: result.update(gpus=7),
    ],
)
def test_an_answer_that_makes_no_sense_is_one_error(
    change: Callable[[Any], Any], box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    finished(box)
    result = json.loads(result_of(tmp_path).read_text())
    change(result)
    result_of(tmp_path).write_text(json.dumps(result))
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "Traceback" not in said and "worker" in said


def test_more_jobs_than_slots_are_handed_over(box: Workspace) -> None:
    stages(
        box,
        a='{matrix: {n: [0, 1, 2, 3, 4, 5]}, cmd: "sleep 1; echo > a${item.n}", outs: ["a${item.n}"], resources: {gpus: 1}}',
    )
    assert "6 handed over" in box.mltrack("repro", "--runner", "box", "--detach").out
    assert "6 ran" in box.mltrack("repro", "--runner", "box", "-j", "6").out


def test_an_input_that_changes_while_it_is_sent_fails_its_stage_alone(
    box: Workspace, tmp_path: Path
) -> None:
    box.write("big", os.urandom(300 << 20))
    box.write("other", os.urandom(6 << 20))
    stages(
        box,
        a='{cmd: "wc -c < big > a", deps: [big], outs: [a]}',
        b='{cmd: "wc -c < other > b", deps: [other], outs: [b]}',
    )
    command = [
        sys.executable,
        "-P",
        "-m",
        "mltrack",
        "repro",
        "--runner",
        "box",
        "-k",
        "-j",
        "2",
    ]
    process = subprocess.Popen(
        command, cwd=box.path, env=box.environment, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while (
        sum(path.stat().st_size for path in (tmp_path / "host").glob("parts/*"))
        < 20 << 20
    ):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    os.truncate(box.path / "big", 60 << 20)
    _, said = process.communicate(timeout=60)
    assert (
        process.returncode == 8
        and b"changed while it was being sent" in said
        and b"Traceback" not in said
    )
    assert box.read("b").strip() == str(6 << 20)


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


def test_a_result_without_its_output_is_not_found_again(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a=f'{{cmd: "test ! -e {tmp_path}/flag || echo a > a", outs: [a]}}')
    assert "did not write 'a'" in box.mltrack("repro", "--runner", "box", code=8).err
    (tmp_path / "flag").touch()
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "a\n"


def test_a_directory_whose_file_a_command_overwrote_is_sent_anew(
    box: Workspace,
) -> None:
    box.write("data/x", "one\n")
    box.write("data/y", "two\n")
    stages(
        box,
        a='{cmd: "chmod u+w data/x; echo bad >> data/x; echo a > a", deps: [data], outs: [a]}',
    )
    assert "data/x" in box.mltrack("repro", "--runner", "box", code=8).err
    stages(box, a='{cmd: "cat data/x data/y > a", deps: [data], outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "one\ntwo\n"


def test_the_mode_of_an_input_is_no_ones_to_change_for_others(box: Workspace) -> None:
    box.write("s.txt", "hi\n")
    stages(box, a='{cmd: "chmod 777 s.txt; echo a > a", deps: [s.txt], outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    stages(box, b='{cmd: "stat -c %a s.txt > b", deps: [s.txt], outs: [b]}')
    box.mltrack("repro", "--runner", "box")
    assert box.read("b") == "444\n"


def test_inputs_may_lie_in_one_another(box: Workspace) -> None:
    box.write("data/x", "x\n")
    box.write("data/ignored", "i\n")
    box.write(".gitignore", "data/ignored\n")
    stages(
        box,
        o='{cmd: "cat data/x data/ignored > o", deps: [data/ignored, data/x, data], outs: [o]}',
    )
    box.mltrack("repro", "--runner", "box")
    assert box.read("o") == "x\ni\n"


def test_the_timeout_is_that_of_all_commands_together(box: Workspace) -> None:
    stages(
        box, t='{cmd: ["sleep 1.5", "sleep 1.5", "echo t > o"], outs: [o], timeout: 2s}'
    )
    for runner in ("local", "box"):
        assert (
            "longer than its timeout of 2 s"
            in box.mltrack("repro", "--runner", runner, code=8).err
        )


def test_a_link_to_another_part_of_the_project_leads_there_on_the_host_too(
    box: Workspace,
) -> None:
    box.write("store/sub/f", "s\n")
    box.write("store/not/sent", "n\n")
    (box.path / "data").mkdir()
    os.symlink("../store/sub", box.path / "data/link")
    stages(
        box, o='{cmd: "cat data/link/f > o; ls store >> o", deps: [data], outs: [o]}'
    )
    box.mltrack("repro", "--runner", "box")
    assert box.read("o") == "s\nsub\n"


def test_a_variable_that_is_not_set_here_is_not_set_there(box: Workspace) -> None:
    stages(
        box,
        o='{cmd: "echo \\"[$SSH_CLIENT]\\" > o", env: {vars: [SSH_CLIENT]}, outs: [o]}',
    )
    environment = {
        name: value for name, value in box.environment.items() if name != "SSH_CLIENT"
    }
    Workspace(box.path, environment).mltrack("repro", "--runner", "box")
    assert box.read("o") == "[]\n"


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


def test_a_directory_of_which_a_part_stayed_is_made_whole_for_who_reads_it(
    box: Workspace,
) -> None:
    stages(
        box,
        t='{matrix: {n: [1, 2]}, cmd: "mkdir -p models; echo ${item.n} > models/${item.n}", outs: ["models/${item.n}"]}',
        u='{cmd: "cat models/* > all", deps: [models], outs: [all]}',
    )
    box.mltrack("repro", "--runner", "box", "--no-fetch", "-j", "2")
    box.mltrack("fetch")
    box.mltrack("checkout")
    assert box.read("all") == "1\n2\n"


def test_what_stayed_is_no_error_of_checkout(box: Workspace) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}', b='{cmd: "echo b > b", outs: [b]}')
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.mltrack("fetch", "a")
    said = box.mltrack("checkout")
    assert box.read("a") == "a\n" and "`mltrack fetch b` brings it" in said.err


def test_a_mistyped_runner_is_refused_though_nothing_has_to_run(box: Workspace) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    box.mltrack("repro")
    for arguments in ((), ("--dry-run",)):
        assert (
            "did you mean"
            in box.mltrack("repro", "--runner", "bxo", *arguments, code=2).err
        )


def test_setup_that_fails_is_told_from_a_command_that_does(box: Workspace) -> None:
    box.mltrack("config", "--local", "runner.box.setup", ". /nowhere/activate")
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    assert (
        "the setup of runner box failed on worker"
        in box.mltrack("repro", "--runner", "box", code=8).err
    )
    box.mltrack("config", "--local", "runner.box.setup", "export X=set")
    stages(box, a='{cmd: "echo $X > a; exit 3", outs: [a]}')
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "exit code 3" in said and "setup" not in said


def test_a_group_of_jobs_is_cancelled_by_its_name(box: Workspace) -> None:
    stages(
        box,
        t='{matrix: {n: [1, 2]}, cmd: "sleep 60; echo > o${item.n}", outs: ["o${item.n}"]}',
    )
    box.mltrack("repro", "--runner", "box", "--detach")
    assert "are 2 jobs" in box.mltrack("job", "logs", "t", code=2).err
    assert box.mltrack("job", "cancel", "t").out.count("cancelled") == 2
    assert "There are no jobs" in box.mltrack("job", "list").err


def test_a_job_directory_full_of_nonsense_does_not_keep_the_host_from_working(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    jobs = tmp_path / "host/jobs"
    (jobs / ("ab" * 16)).write_text("a file")
    (jobs / ("cd" * 16) / "²").mkdir(parents=True)
    (jobs / ("ef" * 16) / "1").mkdir(parents=True)
    (jobs / ("ef" * 16) / "1/result.json").write_text('{"items": [{}]}')
    (tmp_path / "host/housekeeping").unlink()
    stages(box, a='{cmd: "echo b > a", outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "b\n"
    box.mltrack("job", "list", "--all")


def test_an_output_that_cannot_be_recorded_is_not_found_again(
    box: Workspace, tmp_path: Path
) -> None:
    stages(
        box,
        a=f'{{cmd: "mkdir a; test -e {tmp_path}/flag || ln -s /etc a/l; echo x > a/x", outs: [a]}}',
    )
    assert "cannot be recorded" in box.mltrack("repro", "--runner", "box", code=8).err
    (tmp_path / "flag").touch()
    box.mltrack("repro", "--runner", "box")
    assert box.read("a/x") == "x\n"


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_an_output_that_was_changed_on_the_host_is_refused_and_made_anew(
    size: int, box: Workspace, tmp_path: Path
) -> None:
    stages(box, a=f'{{cmd: "head -c {size} /dev/zero > a", outs: [a]}}')
    finished(box)
    (path,) = (
        path for path in (tmp_path / "host/objects").rglob("*") if path.is_file()
    )
    stamps = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"1" * size)
    path.chmod(0o444)
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert "sent other bytes" in box.mltrack(
        "repro", "--runner", "box", code=8
    ).err and not box.exists("a")
    box.mltrack("repro", "--runner", "box")
    assert (box.path / "a").read_bytes() == bytes(size)


def test_what_stayed_is_known_to_every_command(box: Workspace, tmp_path: Path) -> None:
    stages(box, t='{cmd: "mkdir -p o/d; echo x > o/d/y; echo 1 > o/z", outs: [o]}')
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.commit("Run")
    box.mltrack("gc")
    assert "o/d/y" in box.mltrack("ls", "-R", "o").out
    box.mltrack("remote", "add", "store", str(tmp_path / "store"))
    assert "o: is on the host that made it" in box.mltrack("push").err
    box.mltrack("fetch")
    box.mltrack("push")
    assert "all whole" in box.mltrack("fsck").out


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-P",
        "-m",
        "mltrack",
        "repro",
        "--runner",
        "box",
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )


def wait_for(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def test_only_the_person_at_the_terminal_ends_jobs(
    box: Workspace, tmp_path: Path
) -> None:
    stages(
        box, a=f'{{cmd: "echo x >> {tmp_path}/ran; sleep 1; echo a > a", outs: [a]}}'
    )
    process = start(box)
    wait_for((tmp_path / "ran").exists, process)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and b"the next repro takes its result" in said
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "a\n" and (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("number", [9, 2])
def test_a_result_whose_receipt_was_cut_off_is_taken_once_more_and_nothing_is_left_lying(
    number: int, box: Workspace, tmp_path: Path
) -> None:
    stages(
        box,
        a=f'{{cmd: "echo x >> {tmp_path}/ran; head -c 300000000 /dev/zero > a", outs: [a], always_changed: true}}',
    )
    process = start(box)
    received = box.path / ".mltrack/tmp/received"
    wait_for(
        lambda: any(
            path.is_file() and path.stat().st_size > 10**7
            for path in received.rglob("*")
        ),
        process,
    )
    process.send_signal(number)
    process.communicate(timeout=60)
    box.mltrack("repro", "--runner", "box")
    assert (box.path / "a").stat().st_size == 300_000_000 and (
        tmp_path / "ran"
    ).read_text() == "x\n"
    assert not list(received.iterdir()) and not list(
        (box.path / ".mltrack/jobs").glob("[0-9a-f]*/*.json")
    )


def test_memory_of_gpus_is_a_size(ws: Workspace) -> None:
    stages(ws, a="{cmd: echo a > a, outs: [a], resources: {gpus: 1, gpu_memory: 20GB}}")
    ws.mltrack("config", "--local", "runner.local.gpus", "1")
    ws.mltrack("repro", "--dry-run")


def test_an_error_here_ends_no_job_there(box: Workspace, tmp_path: Path) -> None:
    """The bad one's output cannot be put in place, which no rule of failures foresees."""
    stages(
        box,
        bad=f'{{cmd: "while [ ! -e {tmp_path}/ran ]; do sleep 0.05; done; mkdir -p nowhere; echo b > nowhere/b", outs: [nowhere/b]}}',
        slow=f'{{cmd: "echo x >> {tmp_path}/ran; sleep 2; echo s > s", outs: [s]}}',
    )
    process = start(box, "-k", "-j", "2")
    wait_for((tmp_path / "ran").exists, process)
    box.write("nowhere", "a file where a directory belongs")
    _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, 70), said
    (box.path / "nowhere").unlink()
    box.mltrack("repro", "--runner", "box", "-j", "2")
    assert (
        box.read("s") == "s\n"
        and box.read("nowhere/b") == "b\n"
        and (tmp_path / "ran").read_text() == "x\n"
    )


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


def test_push_sends_the_rest_of_what_stayed(box: Workspace, tmp_path: Path) -> None:
    stages(box, a='{cmd: "mkdir a; echo a > a/x", outs: [a]}')
    box.mltrack("repro", "--runner", "box", "--no-fetch")
    box.write("data", "tracked\n")
    box.mltrack("add", "data")
    box.commit("Run")
    box.mltrack("remote", "add", "store", str(tmp_path / "store"))
    said = box.mltrack("push")
    assert (
        "a: is on the host that made it, and was not sent" in said.err
        and "pushed 1 object" in said.out
    )


def test_a_plain_repro_takes_the_result_of_a_job_wherever_it_went(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a=f'{{cmd: "echo x >> {tmp_path}/ran; echo a > a", outs: [a]}}')
    finished(box)
    assert "running on box" in box.mltrack("status").out
    box.mltrack("repro")
    assert box.read("a") == "a\n" and (tmp_path / "ran").read_text() == "x\n"
    assert "running on" not in box.mltrack("status").out
