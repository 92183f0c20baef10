"""What an engine may get wrong about 'unchanged' while things move around it. Each of
these was wrong once.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-P", "-m", "mltrack", *arguments]
    return subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(ws: Workspace, path: str, process: "subprocess.Popen[str]") -> None:
    while not ws.exists(path):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def lock(ws: Workspace) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(ws.read("mltrack.lock"))["stages"]
    return found


def test_a_result_to_be_restored_is_decided_again_when_its_turn_comes(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch ../started; sleep 2; cat ain > aout\n    deps: [ain]\n    outs: [aout]\n"
        "  b:\n    cmd: cat aout > bout\n    deps: [aout]\n    outs: [bout]\n"
        "  z:\n    cmd: cat x bout > zout\n    deps: [x, bout]\n    outs: [zout]\n"
        "  y:\n    cmd: cat x > yout\n    deps: [x]\n    outs: [yout]\n",
    )
    for x in ("one", "two"):
        ws.write("ain", "1")
        ws.write("x", x)
        ws.mltrack("repro")
    (ws.path.parent / "started").unlink()
    ws.write("ain", "2")
    ws.write("x", "one")
    running = start(ws, "repro")
    while not (ws.path.parent / "started").exists():
        time.sleep(0.02)
    ws.write("x", "three")
    running.communicate(timeout=60)
    ws.mltrack("repro")
    assert ws.read("yout") == "three" and ws.read("zout") == "three2"


def test_a_checkout_leaves_the_outputs_of_a_stage_at_work_alone(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: mkdir d; sleep 2; cp in d/$(cat in)\n    deps: [in]\n    outs: [d]\n",
    )
    ws.write("in", "64")
    ws.mltrack("repro")
    ws.write("in", "65")
    running = start(ws, "repro")
    while ws.exists("d/64") or not ws.exists("d"):
        time.sleep(0.02)
    assert "the stage 's' is at work on it" in ws.mltrack("checkout", code=5).err
    running.communicate(timeout=60)
    assert sorted(path.name for path in (ws.path / "d").iterdir()) == ["65"]


def test_a_commit_that_waits_looks_when_it_may_go_on(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch started; sleep 2; cp ain aout\n    deps: [ain]\n    outs: [aout]\n"
        "  b:\n    cmd: cp in bout\n    deps: [in]\n    outs: [bout]\n",
    )
    ws.write("ain", "1")
    ws.write("in", "X")
    ws.write("bout", "X")
    running = start(ws, "repro", "a")
    until(ws, "started", running)
    committing = start(ws, "commit", "b")
    time.sleep(0.7)
    ws.write("in", "YYYY")
    running.communicate(timeout=60)
    committing.communicate(timeout=60)
    ws.write("in", "X")
    assert "b: run" in ws.mltrack("why", "b").out, "what was recorded is of YYYY"


def test_an_output_that_a_command_goes_on_from_is_not_restored_from_an_earlier_run(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat in >> log\n    deps: [in]\n    outs: [log: {persist: true}]\n",
    )
    for text in ("1", "2", "1"):
        ws.write("in", text)
        ws.mltrack("repro")
    assert ws.read("log") == "121"


def test_a_set_of_a_param_that_a_stage_does_not_declare_does_not_reach_it(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "lr: 1\nother: 2\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp params.yaml out\n    params: [lr]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "--set", "other=99", "--set", "lr=5")
    assert ws.read("out").split() == ["lr:", "5", "other:", "2"]


@pytest.mark.parametrize("declared", ["layers", "layers[0]", "layers.0"])
@pytest.mark.parametrize("given", ["layers[0]=5", "layers.0=5", "layers=[5, 2]"])
def test_a_set_in_a_list_reaches_the_command_however_it_is_spelled(
    ws: Workspace, declared: str, given: str
) -> None:
    ws.write("params.json", '{"layers": [1, 2], "other": 2}')
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp params.json out\n    params: [{params.json: "
        f"['{declared}']}}]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "--set", "params.json:other=9", "--set", f"params.json:{given}")
    assert json.loads(ws.read("out")) == {"layers": [5, 2], "other": 2}


def test_a_set_that_changes_what_a_foreach_declares_drops_nobody_from_the_lock(
    ws: Workspace,
) -> None:
    ws.write("params.yaml", "items: [a, b, c]\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    foreach: ${items}\n    do:\n      cmd: echo ${item} > ${item}.o\n      outs: ['${item}.o']\n",
    )
    ws.mltrack("repro")
    ws.mltrack("repro", "--set", "items=[a, d]")
    assert lock(ws).keys() == {"s@a", "s@b", "s@c", "s@d"}
    ws.mltrack("repro")
    assert lock(ws).keys() == {"s@a", "s@b", "s@c"}


def test_a_long_repro_keeps_what_was_declared_and_recorded_meanwhile(
    ws: Workspace,
) -> None:
    text = "stages:\n  long:\n    cmd: touch started; sleep 2; touch l\n    outs: [l]\n"
    ws.write("mltrack.yaml", text)
    running = start(ws, "repro")
    until(ws, "started", running)
    ws.write("mltrack.yaml", text + "  fresh:\n    cmd: touch f\n    outs: [f]\n")
    ws.mltrack("repro", "fresh")
    running.communicate(timeout=60)
    assert lock(ws).keys() == {"long", "fresh"}


def test_a_frozen_stage_asks_no_server(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: ['http://127.0.0.1:9/x']\n    outs: [o]\n    frozen: true\n",
    )
    ws.write(
        "mltrack.lock",
        json.dumps(
            {
                "mltrack": 1,
                "stages": {
                    "s": {
                        "cmd": ["touch o"],
                        "deps": {
                            "http://127.0.0.1:9/x": {
                                "digest": "xxh3:" + "ab" * 16,
                                "kind": "url",
                                "size": 1,
                            }
                        },
                        "outs": {
                            "o": {
                                "digest": "xxh3:99aa06d3014798d86001c324468d497f",
                                "kind": "file",
                                "size": 0,
                                "type": "out",
                            }
                        },
                        "shell": "/bin/sh",
                    }
                },
            }
        ),
    )
    ws.write("o", "")
    assert "s: frozen" in ws.mltrack("repro").err


def test_files_of_mltrack_itself_are_no_outputs(ws: Workspace) -> None:
    for name in ("mltrack.lock", "sub/mltrack.yaml", ".gitignore", "data.mlt"):
        ws.write("mltrack.yaml", f"stages:\n  s:\n    cmd: x\n    outs: [{name}]\n")
        assert "is a file that mltrack or git writes" in ws.mltrack("repro", code=1).err


def test_a_file_that_is_renamed_into_place_is_inferred(ws: Workspace) -> None:
    ws.write(
        "w.py", "import os\nopen('tmp', 'w').write('1')\nos.rename('tmp', 'final')\n"
    )
    ws.mltrack("stage", "add", "-n", "s", "--infer", sys.executable, "w.py")
    assert ws.mltrack("stage", "list", "--json").json["stages"][0]["outs"] == ["final"]


def test_pull_where_a_params_file_or_a_part_of_a_directory_is_an_output(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cp ain p.yaml; mkdir -p dd/sub; cp ain dd/sub/2\n    deps: [ain]\n    outs: [p.yaml, dd]\n"
        "  b:\n    cmd: echo ${n:-1} > bout\n    deps: [dd/sub/2]\n    params: [{p.yaml: [lr]}]\n    outs: [bout]\n",
    )
    ws.write("ain", "lr: 1\n")
    other = pushed(ws, tmp_path)
    assert "2 unchanged" in other.mltrack("repro", "--pull").out and not other.exists(
        "dd"
    )
    other.write("params.yaml", "n: 2\n")
    assert "1 ran, 1 unchanged" in other.mltrack(
        "repro", "--pull"
    ).out and other.exists("dd/sub/2")


def test_pull_runs_what_made_an_output_that_nobody_has(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cp ain aout\n    deps: [ain]\n    outs: [aout: {push: false}]\n"
        "  b:\n    cmd: cat aout in > bout\n    deps: [aout, in]\n    outs: [bout]\n",
    )
    ws.write("ain", "1")
    ws.write("in", "1")
    other = pushed(ws, tmp_path)
    other.write("in", "2")
    other.mltrack("repro", "--pull")
    assert other.read("bout") == "12"


def test_pull_completes_a_dependency_that_holds_tracked_data_or_outputs(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("data/images/1", "x")
    ws.write("w/src", "s")
    ws.mltrack("add", "data/images")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: date +%N > w/gen\n    outs: [w/gen]\n"
        "  b:\n    cmd: ls data w > bout; date +%N >> bout\n    deps: [data, w]\n    outs: [bout]\n",
    )
    other = pushed(ws, tmp_path)
    assert "2 unchanged" in other.mltrack("repro", "--pull").out


def pushed(ws: Workspace, tmp_path: Path) -> Workspace:
    """Runs, commits and pushes everything; returns a fresh clone."""
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.mltrack("repro")
    ws.commit()
    ws.mltrack("push")
    return ws.clone(tmp_path / "away" / "clone")


def _with_code(ws: Workspace) -> None:
    ws.write("src/m.py", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: cat src/m.py > a, deps: [src], outs: [a]}\n",
    )


def test_what_no_clone_would_have_is_not_part_of_a_code_dependency(
    ws: Workspace,
) -> None:
    _with_code(ws)
    (ws.path / "src/empty/deeper").mkdir(parents=True)
    ws.git("init", "-q", "src/nested")
    ws.write("src/nested/x.py", "x\n")
    ws.mltrack("repro")
    shutil.rmtree(ws.path / "src/empty")
    shutil.rmtree(ws.path / "src/nested")
    assert ws.mltrack("status", "--check").code == 0
    ws.write("src/other/m.py", "2\n")
    ws.mltrack("status", "--check", code=4)


def test_a_submodule_is_part_of_a_code_dependency(
    ws: Workspace, tmp_path: Path
) -> None:
    _with_code(ws)
    ws.git("init", "-q", str(tmp_path / "lib"))
    (tmp_path / "lib/x.py").write_text("x\n")
    ws.git("-C", str(tmp_path / "lib"), "add", "x.py")
    ws.git("-C", str(tmp_path / "lib"), "commit", "-qm", "x")
    ws.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(tmp_path / "lib"),
        "src/lib",
    )
    ws.mltrack("repro")
    ws.write("src/lib/x.py", "y\n")
    ws.mltrack("status", "--check", code=4)


def test_an_empty_directory_of_tracked_data_does_count(ws: Workspace) -> None:
    ws.write("d/sub/1", "1\n")
    ws.mltrack("add", "d")
    ws.write(
        "mltrack.yaml", "stages:\n  a: {cmd: ls d/sub > a, deps: [d/sub], outs: [a]}\n"
    )
    ws.mltrack("repro")
    (ws.path / "d/sub/empty").mkdir()
    ws.mltrack("status", "--check", code=4)


WAITING = (
    "stages:\n"
    "  a:\n    cmd: touch started; while test ! -e go; do sleep 0.02; done; {a}\n"
    "    deps: [in]\n    outs: [a]\n"
    "  b:\n    cmd: cat a a > b\n    deps: [a]\n    outs: [b]\n"
)


def edit_b_while_a_runs(ws: Workspace, command: str) -> str:
    """Runs both stages; then again, while the person edits the second one's output."""
    ws.write("in", "1")
    ws.write("go", "")
    ws.write("mltrack.yaml", WAITING.format(a=command))
    ws.mltrack("repro")
    (ws.path / "go").unlink()
    (ws.path / "started").unlink()
    ws.write("in", "2")
    running = start(ws, "repro")
    until(ws, "started", running)
    (ws.path / "b").unlink()
    ws.write("b", "an edit\n")
    ws.write("go", "")
    return running.communicate(timeout=60)[0]


def test_an_output_that_is_edited_while_others_run_is_saved_before_its_stage_runs(
    ws: Workspace,
) -> None:
    edit_b_while_a_runs(ws, "cp in a")
    assert ws.read("b") == "22"
    ws.mltrack("undo", "b")
    assert ws.read("b") == "an edit\n"


def test_an_output_that_is_edited_while_others_run_is_not_called_unchanged(
    ws: Workspace,
) -> None:
    edit_b_while_a_runs(ws, "echo 1 > a")
    assert ws.read("b") == "1\n1\n"
    ws.mltrack("undo", "b")
    assert ws.read("b") == "an edit\n"


def test_a_record_names_the_commit_that_was_checked_out_when_its_stage_ended(
    ws: Workspace,
) -> None:
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n"
        "  a:\n    cmd: touch a\n    outs: [a]\n"
        "  b:\n    cmd: touch started; while test ! -e go; do sleep 0.02; done; touch b\n"
        "    deps: [a]\n    outs: [b]\n",
    )
    ws.write(".gitignore", "/started\n/go\n")
    ws.commit("first")
    running = start(ws, "repro")
    until(ws, "started", running)
    ws.commit("meanwhile", tag="meanwhile")
    ws.write("go", "")
    running.communicate(timeout=60)
    commits = {
        record["stage"]: record["commit"]
        for bundle in (ws.path / ".mltrack/cache/runs").glob("*.jsonl")
        for record in map(json.loads, bundle.read_text().splitlines()[1:])
    }
    meanwhile = ws.git("rev-parse", "meanwhile").out.strip()
    assert commits["a"] == ws.git("rev-parse", "meanwhile~1").out.strip()
    assert commits["b"] == meanwhile
