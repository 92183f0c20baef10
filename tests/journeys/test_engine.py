"""Running stages: side by side, within resources, again after failures, interrupted,
traced, alone in a sandbox.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mltrack.project import find
from mltrack.runners import tracing
from mltrack.runners.sandbox import can_bind
from mltrack.verbs import logs
from mltrack.verbs.session import Session
from tests.support.processes import ends
from tests.support.workspace import Workspace

FAN = "stages:\n" + "".join(
    f"  s{n}:\n    cmd: date +%s%N > o{n}; sleep 1; date +%s%N >> o{n}\n    outs: [o{n}]\n"
    for n in range(8)
)
with_strace = pytest.mark.skipif(
    not tracing.has_strace(), reason="strace is not installed"
)
python = pytest.mark.parametrize(
    "trace", ["python", pytest.param("strace", marks=with_strace)]
)
with_bwrap = pytest.mark.skipif(
    not can_bind(), reason="bubblewrap is not installed, or may not work here"
)


def spans(ws: Workspace, names: list[str]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in (ws.read(name).split() for name in names)]


def most_at_once(found: list[tuple[int, int]]) -> int:
    moments = sorted(
        [(start, 1) for start, _ in found] + [(end, -1) for _, end in found]
    )
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def test_independent_stages_run_side_by_side_and_their_output_by_whole_lines(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml", FAN.replace("sleep 1;", "printf 'one '; sleep 1; echo two;")
    )
    done = ws.mltrack("repro", "-j", "8")
    assert most_at_once(spans(ws, [f"o{n}" for n in range(8)])) == 8
    assert all(f"s{n} | one two\n" in done.err for n in range(8))
    ws.mltrack("config", "repro.jobs", "3")
    ws.mltrack("repro", "--force")
    assert most_at_once(spans(ws, [f"o{n}" for n in range(8)])) == 3


def test_stages_that_claim_a_resource_share_it(ws: Workspace) -> None:
    ws.mltrack("config", "runner.local.license", "2")
    ws.mltrack("config", "runner.local.gpus", "3")
    text = "stages:\n" + "".join(
        f"  l{n}:\n    cmd: date +%s%N > l{n}; sleep 0.5; date +%s%N >> l{n}\n    outs: [l{n}]\n    resources: {{license: 1}}\n"
        for n in range(4)
    )
    text += "".join(
        f'  g{n}:\n    cmd: echo "$CUDA_VISIBLE_DEVICES" > g{n}; sleep 0.5\n    outs: [g{n}]\n    resources: {{gpus: 1}}\n'
        for n in range(3)
    )
    text += '  none:\n    cmd: echo "${CUDA_VISIBLE_DEVICES-unset}" > none\n    outs: [none]\n'.replace(
        "${", "\\${"
    )
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro", "-j", "8", CUDA_VISIBLE_DEVICES="4,5,7")
    assert most_at_once(spans(ws, [f"l{n}" for n in range(4)])) == 2
    assert sorted(ws.read(f"g{n}").strip() for n in range(3)) == ["4", "5", "7"]


def test_a_claim_that_can_never_be_met_is_refused_before_anything_runs(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch a\n    outs: [a]\n  b:\n    cmd: x\n    resources: {license: 1}\n",
    )
    said = ws.mltrack("repro", code=1).err
    assert (
        "stage 'b' needs 1 of 'license'; this machine has 0" in said
        and "runner.local.license" in said
    )
    assert not ws.exists("a")


def test_after_a_failure_nothing_new_begins_unless_asked_to_keep_going(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  bad:\n    cmd: echo why; exit 3\n    outs: [x]\n  after:\n    cmd: cat x > y\n    deps: [x]\n    outs: [y]\n"
        "  other:\n    cmd: touch z\n    outs: [z]\n  last:\n    cmd: cp z w\n    deps: [z]\n    outs: [w]\n",
    )
    done = ws.mltrack("repro", code=8)
    assert "4 stages: 1 failed, 3 not reached" in done.out and not ws.exists("z")
    done = ws.mltrack("repro", "--keep-going", code=8)
    assert "4 stages: 2 ran, 1 failed, 1 not reached" in done.out and ws.exists("w")
    assert "  | why" in done.err
    assert ws.mltrack("logs", "bad").out == "why\n"


def test_a_failing_command_is_tried_again(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo x >> ../tries; test $(wc -l < ../tries) -ge 3 && touch o\n    outs: [o]\n"
        "    retry: {tries: 3, backoff: 100ms}\n",
    )
    done = ws.mltrack("repro")
    assert "try 2 of 3" in done.err and "try 3 of 3" in done.err and "1 ran" in done.out
    (ws.path.parent / "tries").unlink()
    ws.write("mltrack.yaml", ws.read("mltrack.yaml").replace("tries: 3", "tries: 2"))
    ws.mltrack("repro", "--force", code=8)
    assert (ws.path.parent / "tries").read_text() == "x\nx\n"


def test_a_timeout_ends_the_whole_process_group_and_says_so(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: sleep 60 & echo $! > ../child; wait\n    outs: [o]\n    timeout: 500ms\n",
    )
    assert "took longer than its timeout of 0.5 s" in ws.mltrack("repro", code=8).err
    assert ends(int((ws.path.parent / "child").read_text()))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program", "exit code 127: a program in it was not found"),
        ("./file", "exit code 126: a program in it may not be executed"),
        ("kill -9 $$", "was killed by SIGKILL (often: out of memory)"),
        (
            "sh -c 'kill -TERM $$'; exit $?",
            "exit code 143: a program in it was killed by SIGTERM",
        ),
        ("true", "it did not write 'o', declared as its output"),
    ],
)
def test_what_a_command_died_of_is_said(command: str, said: str, ws: Workspace) -> None:
    ws.write("file", "x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: |\n      " + command + "\n    outs: [o]\n",
    )
    assert said in ws.mltrack("repro", code=8).err
    assert not ws.exists("mltrack.lock") or '"s"' not in ws.read("mltrack.lock")


def test_an_interrupt_ends_all_that_runs_and_keeps_what_is_done(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch a\n    outs: [a]\n"
        + "".join(
            f"  s{n}:\n    cmd: sleep 60 & echo $! > child{n}; wait\n    deps: [a]\n    outs: [o{n}]\n"
            for n in range(3)
        ),
    )
    command = [sys.executable, "-P", "-m", "mltrack", "repro", "-j", "3"]
    running = subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    children = [ws.path / f"child{n}" for n in range(3)]
    while not all(child.exists() and child.read_text().strip() for child in children):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert all(ends(int(child.read_text())) for child in children)
    assert "1 unchanged" in ws.mltrack("repro", "a").out


def test_a_second_interrupt_leaves_no_time_to_clean_up(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: trap '' TERM; echo $$ > ../pid; sleep 60; sleep 60\n    outs: [o]\n",
    )
    command = [sys.executable, "-P", "-m", "mltrack", "repro"]
    running = subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    pid = ws.path.parent / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None, "the command was given no time"
    running.send_signal(signal.SIGINT)
    assert running.wait(5) == 130
    assert ends(int(pid.read_text()))


def test_two_repros_at_once_share_the_work(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  base:\n    cmd: echo x >> ../count; sleep 1; echo b > base\n    outs: [base]\n"
        "  left:\n    cmd: sleep 0.5; cp base left\n    deps: [base]\n    outs: [left]\n"
        "  right:\n    cmd: sleep 0.5; cp base right\n    deps: [base]\n    outs: [right]\n",
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "repro", target],
            cwd=ws.path,
            env=ws.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for target in ("left", "right")
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert (ws.path.parent / "count").read_text() == "x\n"
    assert sum("another repro is at work on it" in text for text in said) == 1
    assert json.loads(ws.read("mltrack.lock"))["stages"].keys() == {
        "base",
        "left",
        "right",
    }
    assert "3 unchanged" in ws.mltrack("repro").out


def test_downstream_single_item_and_force(ws: Workspace) -> None:
    text = "stages:\n" + "".join(
        f"  s{n}:\n    cmd: cat o{n - 1} > o{n}; echo {n} >> o{n}\n    deps: [o{n - 1}]\n    outs: [o{n}]\n"
        for n in range(1, 5)
    )
    ws.write("o0", "x")
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro")
    assert "2 stages: 2 unchanged" in ws.mltrack("repro", "--downstream", "s3").out
    assert "1 stage: 1 ran" in ws.mltrack("repro", "-s", "-f", "s2").out
    assert "3 stages: 3 ran" in ws.mltrack("repro", "--force", "s3").out
    assert "exclude each other" in ws.mltrack("repro", "-s", "--downstream", code=2).err


def test_a_run_with_another_param_leaves_the_files_as_they_are(ws: Workspace) -> None:
    ws.write("params.yaml", "# keep me\nlr: 0.1\nother: {n: 1}\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: grep lr params.yaml > seen; echo ${lr} > o\n    params: [lr]\n    outs: [o, seen]\n"
        "  u:\n    cmd: cp o p\n    deps: [o]\n    outs: [p]\n",
    )
    ws.mltrack("repro")
    ws.mltrack("repro", "--set", "lr=0.5")
    assert ws.read("params.yaml") == "# keep me\nlr: 0.1\nother: {n: 1}\n"
    assert (ws.read("o"), ws.read("p"), ws.read("seen")) == (
        "0.5\n",
        "0.5\n",
        "lr: 0.5\n",
    )
    assert json.loads(ws.read("mltrack.lock"))["stages"]["t"]["params"] == {
        "params.yaml": {"lr": 0.5}
    }
    assert "lr changed: 0.5 -> 0.1" in ws.mltrack("why", "t").out
    assert "2 restored" in ws.mltrack("repro").out and ws.read("p") == "0.1\n"
    assert "it has: lr, other.n" in ws.mltrack("repro", "--set", "lx=1", code=1).err
    assert "sets nothing" in ws.mltrack("repro", "--set", "lr", code=2).err


def test_frozen_stages_stay_as_they_are(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  # about t\n  t:\n    cmd: cat i > o  # here\n    deps: [i]\n    outs: [o]\n",
    )
    ws.write("i", "1")
    ws.mltrack("repro")
    before = ws.read("mltrack.yaml")
    assert "frozen: t" in ws.mltrack("freeze", "t").out
    ws.write("i", "2")
    assert "t: frozen" in ws.mltrack("repro").err and ws.read("o") == "1"
    assert "unfrozen: t" in ws.mltrack("unfreeze", "t").out
    assert ws.read("mltrack.yaml") == before
    ws.mltrack("repro")
    assert ws.read("o") == "2"


def test_the_output_of_runs_is_kept(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: cat i; cp i o\n    deps: [i]\n    outs: [o]\n",
    )
    for text in ("one", "two"):
        ws.write("i", text)
        ws.mltrack("repro")
    assert (
        ws.mltrack("logs", "t").out == "two"
        and ws.mltrack("logs", "t", "--run", "2").out == "one"
    )
    assert [log["state"] for log in ws.mltrack("logs", "t", "--json").json["logs"]] == [
        "current",
        "recorded",
    ]
    assert "there are 2 runs" in ws.mltrack("logs", "t", "--run", "3", code=2).err
    assert "no stage or output named 'none'" in ws.mltrack("logs", "none", code=2).err


@python
def test_files_that_a_python_stage_reads_undeclared_are_told(
    trace: str, ws: Workspace
) -> None:
    ws.mltrack("config", "repro.trace", trace)
    ws.write("src/helper.py", "def f(): return open('extra.txt').read()\n")
    ws.write("extra.txt", "1")
    ws.write("data.txt", "2")
    ws.write(
        "run.py",
        "import sys; sys.path.insert(0, 'src')\nimport helper\nopen('o', 'w').write(helper.f() + open('data.txt').read())\n",
    )
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: {sys.executable} run.py\n    deps: [run.py, data.txt]\n    outs: [o]\n",
    )
    done = ws.mltrack("repro")
    assert (
        "warning: t read extra.txt, src/helper.py, which it does not declare as `deps`"
        in done.err
    )
    assert "extra.txt" in ws.mltrack("repro", "--force").err, (
        "also where the module was compiled before"
    )
    ws.write("mltrack.yaml", ws.read("mltrack.yaml") + "    check: error\n")
    said = ws.mltrack("repro", "--force", code=8).err
    assert "it read what it does not declare: extra.txt, src/helper.py" in said
    ws.write(
        "mltrack.yaml", ws.read("mltrack.yaml").replace("check: error", "check: none")
    )
    assert "does not declare" not in ws.mltrack("repro", "--force").err


def test_what_workers_of_a_python_stage_read_is_seen_too(ws: Workspace) -> None:
    ws.write("a.txt", "1")
    ws.write("b.txt", "1")
    ws.write(
        "run.py",
        "import multiprocessing, os, subprocess, sys\ndef read(path):\n    open(path).read()\n"
        "if __name__ == '__main__':\n"
        "    worker = multiprocessing.Process(target=read, args=('a.txt',)); worker.start(); worker.join()\n"
        "    subprocess.run([sys.executable, '-c', 'open(\"b.txt\").read()'], check=True)\n    open('o', 'w')\n",
    )
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: {sys.executable} run.py\n    deps: [run.py]\n    outs: [o]\n",
    )
    assert "t read a.txt, b.txt" in ws.mltrack("repro").err


def test_a_sitecustomize_of_the_users_own_still_runs(ws: Workspace) -> None:
    ws.write(
        "site/sitecustomize.py",
        "import os\nopen('/'.join([os.environ['MARK'], 'mark']), 'w').write('ran')\n",
    )
    ws.write(
        "mltrack.yaml",
        f'stages:\n  t:\n    cmd: {sys.executable} -c \'open("o", "w")\'\n    outs: [o]\n',
    )
    ws.mltrack("repro", PYTHONPATH=str(ws.path / "site"), MARK=str(ws.path.parent))
    assert (ws.path.parent / "mark").read_text() == "ran"


def test_files_that_are_written_undeclared_are_told_with_their_stage(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo 1 > o; echo 2 > stray\n    outs: [o]\n",
    )
    assert (
        "warning: stray was written while t ran; no stage declares it"
        in ws.mltrack("repro").err
    )
    assert "stray" not in ws.mltrack("repro").err, "nothing ran"
    ws.mltrack("config", "repro.check", "none")
    assert "stray was written" not in ws.mltrack("repro", "--force").err


@pytest.mark.parametrize(
    "with_bubblewrap", [pytest.param(True, marks=with_bwrap), False]
)
def test_a_sandbox_holds_the_declared_inputs_and_nothing_else(
    with_bubblewrap: bool, ws: Workspace
) -> None:
    ws.write("in.txt", "1")
    ws.write("extra.txt", "2")
    ws.write("tool.py", "X = 1\n")
    ws.write(
        "hooked.py",
        "import sys\nsys.excepthook = lambda kind, error, _: print(kind.__name__, error)\nimport tool\n",
    )
    path = ws.environment["PATH"]
    if not with_bubblewrap:
        tools = ws.path.parent / "tools"
        tools.mkdir()
        for name in ("sh", "cat", "git", "ls", "python3"):
            found = next(
                p for d in path.split(":") if os.path.exists(p := f"{d}/{name}")
            )
            (tools / name).symlink_to(found)
        path = str(tools)
    stage = "stages:\n  t:\n    cmd: cat in.txt {extra} > o && ls > seen\n    deps: [in.txt]\n    outs: [o, seen]\n    sandbox: true\n"
    ws.write("mltrack.yaml", stage.format(extra=""))
    ws.mltrack("repro", PATH=path)
    assert ws.read("o") == "1" and set(ws.read("seen").split()) <= {
        "in.txt",
        "o",
        "seen",
    }
    ws.write("mltrack.yaml", stage.format(extra="extra.txt"))
    said = ws.mltrack("repro", PATH=path, code=8).err
    assert "in its sandbox it looked for extra.txt, which it does not declare" in said
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: {sys.executable} hooked.py\n    deps: [hooked.py]\n    sandbox: true\n",
    )
    assert "looked for tool.py" in ws.mltrack("repro", PATH=path, code=8).err
    assert not list((ws.path / ".mltrack/tmp").glob("*mlt-*"))


def test_a_log_of_any_size_is_read_from_where_the_last_look_ended(
    ws: Workspace,
) -> None:
    log = ws.write("log", "begun\n")
    os.truncate(log, 1 << 30)
    with log.open("ab") as file:
        file.write(b"latest")
    session = Session(find(str(ws.path)))
    one = logs.Log("s", "running", 0.0, path=str(log))
    assert list(logs.pieces(session, one, 1 << 30)) == [b"latest"]
    assert next(logs.pieces(session, one)).startswith(b"begun")
    (ws.path / "log").unlink()
    assert list(logs.pieces(session, one)) == []


def test_running_twice_names_the_stages_that_run_at_once_by_setting(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo hello; echo 1 > a\n    outs: [a]\n"
        "  t:\n    cmd: echo hello; echo 1 > b\n    outs: [b]\n",
    )
    ws.mltrack("config", "repro.jobs", "2")
    said = ws.mltrack("repro", "--twice", "s", "t").said
    assert "s | hello" in said and "t | hello" in said


def test_running_twice_finds_what_is_not_deterministic(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  same:\n    cmd: echo 1 > a\n    outs: [a]\n"
        "  rand:\n    cmd: mkdir d && cat a > d/x && date +%N > d/y\n    deps: [a]\n    outs: [d]\n",
    )
    done = ws.mltrack("repro", "--twice", "same", "rand", code=4)
    assert (
        "the same   a  (same)" in done.out
        and "DIFFERENT  d  (rand)\n             y\n" in done.out
    )
    assert ws.mltrack("repro", "--twice", "same").code == 0
    assert (
        "3 unchanged" not in ws.mltrack("repro").out
        and "2 unchanged" in ws.mltrack("repro").out
    )


def test_a_stage_is_inferred_from_one_run(ws: Workspace) -> None:
    for n in range(5):
        ws.write(f"data/{n}.txt", str(n))
    ws.write("params.yaml", "lr: 1\n")
    ws.write(
        "train.py",
        "import glob, os\nopen('params.yaml').read()\nsum(int(open(p).read()) for p in glob.glob('data/*'))\n"
        "os.makedirs('out', exist_ok=True)\nfor n in range(5): open(f'out/{n}', 'w').write('x')\nopen('model.bin', 'w').write('m')\n",
    )
    ws.commit()
    ws.mltrack(
        "stage", "add", "-n", "train", "--infer", "--", sys.executable, "train.py"
    )
    stage = ws.mltrack("stage", "list", "--json").json["stages"][0]
    assert stage["deps"] == ["data", "train.py"] and stage["outs"] == [
        "model.bin",
        "out",
    ]
    assert "params.yaml: null" in ws.read("mltrack.yaml")
    ws.mltrack("commit", "train")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.mltrack("stage", "add", "-n", "bad", "--infer", "--", "false", code=8)
    assert "bad" not in ws.read("mltrack.yaml")


def test_why_compares_with_the_nearest_earlier_run(ws: Workspace) -> None:
    ws.write("params.yaml", "a: 1\nb: 1\nc: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: |\n      echo one\n      cat params.yaml > o\n    params: [a, b, c]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("params.yaml", "a: 2\nb: 2\nc: 2\n")
    ws.mltrack("repro")
    ws.write("params.yaml", "a: 1\nb: 1\nc: 3\n")
    said = ws.mltrack("why", "t").out
    nearest = said.partition("the nearest earlier run was on")[2]
    assert (
        "param params.yaml:c changed: 1 -> 3" in nearest and "a changed" not in nearest
    )
    ws.write("mltrack.yaml", ws.read("mltrack.yaml").replace("echo one", "echo two"))
    ws.write("params.yaml", "a: 2\nb: 2\nc: 2\n")
    assert "'echo one' -> 'echo two'" in ws.mltrack("why", "t").out
    (ws.path / "mltrack.lock").unlink()
    found = ws.mltrack("why", "t", "--json").json["stages"][0]
    assert [reason["cause"] for reason in found["nearest"]["reasons"]] == [
        "command-changed"
    ]


def test_a_url_is_a_dependency_by_what_its_server_says(ws: Workspace) -> None:
    served = ws.path.parent / "served"
    served.mkdir()
    (served / "f").write_text("one")
    server = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
            str(served),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = server.stdout.readline().split()[5]
        ws.write(
            "mltrack.yaml",
            f"stages:\n  t:\n    cmd: echo x >> ../count; touch o\n    deps: ['http://127.0.0.1:{port}/f']\n    outs: [o]\n",
        )
        ws.mltrack("repro")
        assert "1 unchanged" in ws.mltrack("repro").out
        (served / "f").write_text("other")
        os.utime(served / "f", (1, 1))
        assert f"http://127.0.0.1:{port}/f changed" in ws.mltrack("why", "t").out
        ws.mltrack("repro")
        assert (ws.path.parent / "count").read_text() == "x\nx\n"
        (served / "f").unlink()
        assert "does not exist" in ws.mltrack("repro", code=1).err
    finally:
        server.kill()
        server.wait()
    assert "cannot be asked" in ws.mltrack("repro", code=6).err


def test_doctor_names_stages_whose_environment_is_not_pinned(ws: Workspace) -> None:
    ws.write("uv.lock", "x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: x\n    env: {lock: uv.lock}\n  b:\n    cmd: x\n",
    )
    assert "not pinned for: b;" in ws.mltrack("doctor").out


@with_strace
def test_what_programs_in_a_pipe_open_is_seen_by_strace(ws: Workspace) -> None:
    ws.mltrack("config", "repro.trace", "strace")
    ws.write("in.csv", "b\na\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: sort in.csv | head -3 | cat > o\n    outs: [o]\n",
    )
    for _ in range(5):
        assert "t read in.csv" in ws.mltrack("repro", "--force").err


def test_everything_after_the_first_word_of_a_command_is_the_commands(
    ws: Workspace,
) -> None:
    ws.mltrack(
        "stage",
        "add",
        "-n",
        "s",
        "-o",
        "o",
        "sort",
        "-u",
        "in.csv",
        "-o",
        "o",
        "--force",
    )
    assert ws.mltrack("stage", "list", "--json").json["stages"][0]["cmd"] == [
        "sort -u in.csv -o o --force"
    ]
    assert (
        "'a b' is no name for a stage"
        in ws.mltrack("stage", "add", "-n", "a b", "x", code=2).err
    )


def test_stages_of_other_files_are_found_from_where_a_person_stands(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", "stages:\n  join:\n    cmd: echo 1 > j\n    outs: [j]\n")
    text = (
        "stages:\n  far:\n    cmd: cp ../j f\n    deps: [{stage: REF}]\n    outs: [f]\n"
    )
    for reference in ("join", "mltrack.yaml:join", "../mltrack.yaml:join"):
        ws.write("sub/mltrack.yaml", text.replace("REF", f'"{reference}"'))
        assert ws.mltrack("stage", "list", "--json").json["stages"][1]["deps"] == ["j"]
    assert (
        "did you mean 'sub/mltrack.yaml:far'?" in ws.mltrack("repro", "far", code=2).err
    )
    assert "2 ran" in ws.mltrack("repro", "sub").out
    assert "1 unchanged" in ws.mltrack("repro", "mltrack.yaml:join").out


def test_why_tells_what_a_frozen_stage_is_behind_on(ws: Workspace) -> None:
    ws.write("i", "1")
    ws.write(
        "mltrack.yaml", "stages:\n  t:\n    cmd: cp i o\n    deps: [i]\n    outs: [o]\n"
    )
    ws.mltrack("repro")
    ws.mltrack("freeze", "t")
    ws.write("i", "2")
    said = ws.mltrack("why", "t").out
    assert "it is frozen" in said and "i changed" in said


def test_events_say_the_same_typed_causes_as_the_plan(ws: Workspace) -> None:
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: cat in > a, deps: [in], outs: [a]}\n  b: {cmd: cat a > b, deps: [a], outs: [b]}\n"
        "  f: {cmd: 'echo 1 > f', outs: [f], frozen: true}\n",
    )
    for text in ("1\n", "2\n", "1\n"):
        ws.write("in", text)
        planned = {
            step["stage"]: step["reasons"]
            for step in ws.mltrack("repro", "--dry-run", "--json").json["steps"]
        }
        events = [
            json.loads(line) for line in ws.mltrack("repro", "--json").out.splitlines()
        ]
        told = {
            event["stage"]: event["reasons"] for event in events if "reasons" in event
        }
        assert (
            told["a"] == planned["a"]
            and told["f"] == planned["f"]
            and told["f"][0]["cause"] == "frozen"
        )
        assert {reason["cause"] for reason in told["b"]} <= {
            "never-ran",
            "dependency-changed",
            "output-changed",
        }
