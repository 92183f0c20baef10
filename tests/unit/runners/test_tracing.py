"""Which files of the project a command opens: all that it does, and what of them a
person means.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.runners import tracing
from mltrack.runners.tracing import FILE_VARIABLE, PYTHON, STRACE, Opened, has_strace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c", "module.py"):
        (project / name).write_text("")
        os.utime(project / name, (1.0, 1.0))
    # what is written is told by its time of change, which must be older for the rest
    stamp = (project / "a").stat().st_ctime_ns
    while tracing.time.time_ns() - stamp < 3 * tracing._GRAIN_NS:
        pass
    return project


def traced(root: Path, how: str, *command: str) -> Opened:
    trace = tracing.start(how, str(root))
    subprocess.run(
        [*trace.prefix, *command],
        cwd=root,
        env={**os.environ, **trace.variables(os.environ)},
        check=True,
    )
    return trace.opened()


ways = pytest.mark.parametrize(
    "how",
    [
        PYTHON,
        pytest.param(
            STRACE, marks=pytest.mark.skipif(not has_strace(), reason="no strace")
        ),
    ],
)


@ways
def test_what_a_python_program_opens_is_seen(root: Path, how: str) -> None:
    code = (
        "import module, os\n"
        "open('a').close(); open('new', 'w').close()\n"
        "os.chdir('sub'); open('c').close(); open('../b', 'ab').write(b'x')\n"
        "open('/etc/hostname' if os.path.exists('/etc/hostname') else '/etc/passwd')\n"
    )
    reads, writes = traced(root, how, sys.executable, "-c", code)
    assert {"a", "sub/c", "module.py"} <= reads and writes >= {"b", "new"}
    assert all((root / path).exists() for path in reads | writes)
    assert not {path for path in reads | writes if path.endswith(".pyc")} - writes
    assert os.listdir(os.environ["TMPDIR"]) == []


@ways
def test_what_children_and_forks_open_is_seen(root: Path, how: str) -> None:
    code = (
        "import os, subprocess, sys\n"
        "open('a').close()\n"
        "if not os.fork(): open('b').close(); os._exit(0)\n"
        "os.wait()\n"
        "subprocess.run([sys.executable, '-c', 'open(\"sub/c\").close()'], check=True)\n"
    )
    reads, _ = traced(root, how, sys.executable, "-c", code)
    assert reads == {"a", "b", "sub/c"}


@pytest.mark.skipif(not has_strace(), reason="strace is not installed")
def test_strace_sees_every_program_and_no_directories(root: Path) -> None:
    reads, writes = traced(
        root, STRACE, "sh", "-c", "cat a sub/c > out; ls > /dev/null"
    )
    assert (reads, writes) == ({"a", "sub/c"}, {"out"})


@ways
def test_a_program_that_opens_nothing_has_opened_nothing(root: Path, how: str) -> None:
    assert traced(root, how, "true") == (frozenset(), frozenset())
    trace = tracing.start(how, str(root))
    assert trace.opened() == (frozenset(), frozenset())


def test_the_hook_of_the_user_comes_after_ours(root: Path) -> None:
    trace = tracing.start(PYTHON, str(root))
    assert trace.prefix == []
    variables = trace.variables({"PYTHONPATH": "/theirs:/more"})
    assert variables["PYTHONPATH"] == f"{tracing.HOOK_PATH}:/theirs:/more"
    assert trace.variables({})["PYTHONPATH"] == tracing.HOOK_PATH
    assert variables[FILE_VARIABLE].startswith(os.environ["TMPDIR"])
    other = tracing.start(PYTHON, str(root)).variables({})
    assert other[FILE_VARIABLE] != variables[FILE_VARIABLE]


def written(root: Path, *fields: str) -> Opened:
    """What is made of the trace that a hook wrote."""
    trace = tracing.start(PYTHON, str(root))
    Path(trace.variables({})[FILE_VARIABLE]).write_bytes(
        os.fsencode("\0".join(fields) + "\0")
    )
    return trace.opened()


def test_paths_are_made_relative_to_the_root(root: Path) -> None:
    top = str(root)
    fields = [
        "c" + top,
        "x/usr",
        "o5",
        "a",
        "./sub/../b",
        f"{top}//sub/c",
        "/a",
        "../x",
    ]
    assert written(root, *fields)[0] == {"a", "b", "sub/c"}
    fields = ["c" + top + "/sub", "o2", "c", "../a"]
    assert written(root, *fields)[0] == {"sub/c", "a"}


def test_places_of_the_interpreter_are_left_out(root: Path) -> None:
    (root / "venv").mkdir()
    fields = ["c" + str(root), f"x{root}/venv", "o3", "venv/lib.py", "a", "venv2/x"]
    assert written(root, *fields)[0] == {"a", "venv2/x"}
    # the places of one process are not those of the next
    later = [*fields, "c" + str(root), "o1", "venv/lib.py"]
    assert "venv/lib.py" in written(root, *later)[0]


def test_a_torn_or_odd_trace_says_what_it_can(root: Path) -> None:
    top = "c" + str(root)
    assert written(root, top, "o9", "a", "b")[0] == {"a", "b"}
    assert written(root, top, "ox", "a")[0] == frozenset()
    assert written(root, "", "nonsense", top, "o1", "\udcff")[0] == {"\udcff"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("a.py", "a.py"),
        ("__pycache__/m.cpython-311.pyc", "m.py"),
        ("sub/__pycache__/m.cpython-311.opt-1.pyc", "sub/m.py"),
        ("sub/m.pyc", ""),
        (".git/HEAD", ""),
        (".mltrack/tmp/x", ""),
        ("sub/.git/x", "sub/.git/x"),
        ("env/lib/site-packages/x.py", ""),
        ("env/dist-packages/x.py", ""),
        ("gitx/y", "gitx/y"),
    ],
)
def test_of_compiled_python_the_source_is_meant(
    root: Path, path: str, meant: str
) -> None:
    assert tracing._source_of(path) == meant
    fields = ["c" + str(root), "o1", path]
    assert written(root, *fields)[0] == ({meant} if meant else frozenset())


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["a", "b", "sub/c"])), max_size=8
    ),
    st.data(),
)
def test_calls_that_another_process_interrupts_are_put_together(
    calls: list[tuple[int, str]], data: st.DataObject
) -> None:
    lines, begun = list[bytes](), dict[int, bytes]()
    for pid, path in calls:
        if pid in begun:
            lines.append(begun.pop(pid))
        call, end = b"%d openat(AT_FDCWD" % pid, b', "", O_RDONLY) = 3</p/%s>\n'
        if data.draw(st.booleans()):
            lines.append(call + b" <unfinished ...>\n")
            begun[pid] = b"%d <... openat resumed>" % pid + end % path.encode()
        else:
            lines.append(call + end % path.encode())
    lines += begun.values()
    found = [
        match[1]
        for line in tracing._whole_lines(lines)
        if (match := tracing._OPENED.search(line.rstrip()))
    ]
    assert sorted(found) == sorted(b"/p/" + path.encode() for _, path in calls)
