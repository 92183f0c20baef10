"""What is part of a dependency, and what is not."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.support.steps import CHAIN, causes, verdicts
from tests.support.workspace import Workspace


def test_removing_a_dependency_or_a_param_is_noticed(chain: Workspace) -> None:
    chain.write("extra.txt", "x")
    chain.write(
        "mltrack.yaml", CHAIN.replace("deps: [in.txt]", "deps: [in.txt, extra.txt]")
    )
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN)
    assert causes(chain, "first") == {("dependency-removed", "extra.txt")}
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN.replace("    params: [word]\n", ""))
    assert causes(chain, "first") == {("param-removed", "params.yaml:word")}
    chain.mltrack("repro")
    assert set(verdicts(chain).values()) == {"skip"}


def test_a_dependency_that_changes_during_the_run_leaves_the_result_unrecorded(
    ws: Workspace,
) -> None:
    ws.write("in.txt", "before")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat in.txt > o; echo after > in.txt\n    deps: [in.txt]\n    outs: [o]\n",
    )
    done = ws.mltrack("repro", code=3)
    assert "in.txt changed" in done.err
    assert ws.read("o") == "before"
    assert "s" not in ws.mltrack("ls").out.splitlines()[1:]
    assert not ws.exists("mltrack.lock") or '"s"' not in ws.read("mltrack.lock")


def test_by_products_of_python_in_a_dependency_are_no_change(ws: Workspace) -> None:
    ws.write("src/tool.py", "VALUE = 3\n")
    ws.write(
        "run.py",
        "import sys; sys.path.insert(0, 'src'); import tool; open('o', 'w').write(str(tool.VALUE))\n",
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: python run.py\n    deps: [src, run.py]\n    outs: [o]\n",
    )
    ws.mltrack("repro", PYTHONDONTWRITEBYTECODE="")
    assert ws.exists("src/__pycache__")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("src/tool.py", "VALUE = 4\n")
    assert "1 ran" in ws.mltrack("repro", PYTHONDONTWRITEBYTECODE="").out


def test_what_git_ignores_in_a_dependency_directory_is_left_out_but_tracked_data_is_not(
    ws: Workspace,
) -> None:
    ws.write(".gitignore", "*.log\n")
    ws.write("data/raw/x", "1")
    ws.mltrack("add", "data/raw")
    ws.write("data/notes.log", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: [data]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("data/notes.log", "2")
    assert set(verdicts(ws).values()) == {"skip"}
    ws.write("data/raw/x", "2")
    assert set(verdicts(ws).values()) == {"run"}


def test_a_touched_file_runs_nothing(chain: Workspace) -> None:
    chain.mltrack("repro")
    time.sleep(0.05)
    os.utime(chain.path / "in.txt")
    assert "3 unchanged" in chain.mltrack("repro").out


def test_a_dependency_directory_that_git_ignores_counts_with_all_that_is_in_it(
    ws: Workspace,
) -> None:
    ws.write(".gitignore", "data/\n")
    ws.write("data/x", "v1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data/x > out\n    deps: [data]\n    outs: [out]\n",
    )
    assert "data is ignored by git" in ws.mltrack("repro").err
    ws.write("data/x", "v2")
    ws.mltrack("repro")
    assert ws.read("out") == "v2"


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
