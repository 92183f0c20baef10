"""Files that a stage reads or writes without declaring them are told, traced by Python
or strace.
"""

import sys

import pytest

from mltrack.runners import tracing
from tests.support.workspace import Workspace

with_strace = pytest.mark.skipif(
    not tracing.has_strace(), reason="strace is not installed"
)
python = pytest.mark.parametrize(
    "trace", ["python", pytest.param("strace", marks=with_strace)]
)


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
