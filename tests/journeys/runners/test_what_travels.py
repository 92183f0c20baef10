"""What goes to a host and what does not: trees as they stand, links, names, modes,
variables, params.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.services.servers import Sshd
from tests.support.hosts import add_runner, events, stages
from tests.support.workspace import Workspace


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
