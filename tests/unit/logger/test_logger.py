"""What a program logs, as files: one program, several, killed ones."""

import json
import multiprocessing
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mltrack.formats import series_file
from mltrack.logger.logger import Logger
from mltrack.logger.png import png
from tests.support.workspace import ROOT


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logger:
    """A logger of a program that begins in an empty directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLTRACK_LIVE", "RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    return Logger()


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def values(path: Path) -> Any:
    return json.loads((path / "live/metrics.json").read_text())


def program(here: Path, text: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from mltrack import log\n{text}"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_each_name_has_a_series_and_a_last_value(log: Logger, tmp_path: Path) -> None:
    for step in range(3):
        log(step=step * 10, loss=1 / (step + 1))
    log({"val/loss": 2}, step=20)
    log.flush()
    assert (tmp_path / "live/plots/loss.csv").read_text() == (
        "step,loss\n0,1.0\n10,0.5\n20,0.3333333333333333\n"
    )
    assert (tmp_path / "live/plots/val/loss.csv").read_text() == "step,val/loss\n20,2\n"
    assert values(tmp_path) == {"loss": 1 / 3, "val/loss": 2}


def test_a_call_without_a_step_takes_the_next_one(log: Logger, tmp_path: Path) -> None:
    log(a=1)
    log(a=2)
    log(a=3, step=10)
    log(b=4)
    assert [row[0] for row in rows(tmp_path / "live/plots/a.csv")[1:]] == [
        "0",
        "1",
        "10",
    ]
    assert rows(tmp_path / "live/plots/b.csv")[1] == ["11", "4"]


def test_series_are_read_as_plots_are(log: Logger, tmp_path: Path) -> None:
    log({'odd, "name"': 0.5}, step=1)
    log({'odd, "name"': float("nan")}, step=2)
    (path,) = (tmp_path / "live/plots").iterdir()
    assert series_file.load(path.read_bytes(), path.name) == [
        {"step": 1, 'odd, "name"': 0.5},
        {"step": 2, 'odd, "name"': None},
    ]


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a\0", "a\\b"]
)
def test_no_name_leads_out_of_the_directory(log: Logger, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        log({name: 1.0})
    with pytest.raises(ValueError, match="cannot be the name"):
        log.text(name, "x")
    assert not os.path.exists("a") and not os.path.exists("../a")


@pytest.mark.parametrize("value", ["0.5", None, [1], {}, object()])
def test_what_is_no_number_is_refused_and_nothing_of_the_call_is_logged(
    log: Logger, tmp_path: Path, value: object
) -> None:
    with pytest.raises(TypeError, match=r"must be a number.*log\.text"):
        log(good=1.0, bad=value)
    assert not (tmp_path / "live").exists()


def test_numbers_of_numpy_are_numbers(log: Logger, tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    log(a=numpy.float32(0.5), b=numpy.int64(3), c=numpy.array([2.0]), d=True)
    log.flush()
    assert values(tmp_path) == {"a": 0.5, "b": 3, "c": 2.0, "d": 1}


def test_a_killed_program_keeps_what_it_logged(tmp_path: Path) -> None:
    text = (
        "import sys, time\n"
        "for i in range(1000): log(step=i, loss=i)\n"
        "log.text('note', 'before')\n"
        "time.sleep(1); print('ready', flush=True); time.sleep(60)\n"
    )
    with program(tmp_path, text) as one:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
        one.send_signal(signal.SIGKILL)
    assert len(rows(tmp_path / "live/plots/loss.csv")) == 1001
    assert values(tmp_path) == {"loss": 999}
    assert "before" in (tmp_path / "live/texts/note.jsonl").read_text()


def test_a_program_that_ends_at_once_leaves_its_last_values(tmp_path: Path) -> None:
    text = (
        "for i in range(9): log(step=i, loss=i); log.param(i=i)\nraise SystemExit(3)\n"
    )
    with program(tmp_path, text) as one:
        assert one.wait() == 3
    assert values(tmp_path) == {"loss": 8}
    assert json.loads((tmp_path / "live/params.json").read_text()) == {"i": 8}


def test_processes_that_log_at_once_tear_nothing(tmp_path: Path) -> None:
    text = "import sys\nfor i in range(2000): log({'shared': i, 'own' + sys.argv[1]: i}, step=i)"
    many = [
        subprocess.Popen(
            [sys.executable, "-c", f"from mltrack import log\n{text}", str(number)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for number in range(4)
    ]
    assert [one.wait() for one in many] == [0] * 4
    found = rows(tmp_path / "live/plots/shared.csv")
    assert found[0] == ["step", "shared"] and len(found) == 8001
    assert all(row[0] == row[1] for row in found[1:])
    # whoever writes last keeps what the others noted
    assert values(tmp_path) == {
        "shared": 1999,
        **{f"own{number}": 1999 for number in range(4)},
    }
    assert {path.name for path in (tmp_path / "live").iterdir()} == {
        "plots",
        "metrics.json",
    }


def test_ranks_log_apart(tmp_path: Path) -> None:
    for rank in range(2):
        with program(tmp_path, "log(loss=1.0)", RANK=str(rank)) as one:
            assert one.wait() == 0
    assert (tmp_path / "live/plots/loss.csv").exists()
    assert (tmp_path / "live/ranks/1/plots/loss.csv").exists()
    assert (tmp_path / "live/ranks/1/metrics.json").exists()


def _child(log: Logger, number: int) -> None:
    log({f"child{number}": number}, step=number)


def test_a_forked_process_logs_beside_its_parent(log: Logger, tmp_path: Path) -> None:
    log(parent=1.0)
    context = multiprocessing.get_context("fork")
    for number in range(2):
        one = context.Process(target=_child, args=(log, number))
        one.start()
        one.join()
        assert one.exitcode == 0
    log(parent=2.0)
    log.flush()
    assert values(tmp_path) == {"parent": 2.0, "child0": 0, "child1": 1}


def test_threads_log_at_once(log: Logger, tmp_path: Path) -> None:
    def run() -> None:
        for step in range(500):
            log(step=step, loss=float(step))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(rows(tmp_path / "live/plots/loss.csv")) == 2001


def test_a_variable_moves_the_directory(
    log: Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLTRACK_LIVE", "runs/one")
    log(loss=1.0)
    # where it is stays, wherever the program goes
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    log(acc=1.0)
    assert (tmp_path / "runs/one/plots/acc.csv").exists()
    assert not (tmp_path / "live").exists() and not (tmp_path / "sub/runs").exists()


def test_an_earlier_run_is_gone_on_with_unless_it_is_cleared(
    log: Logger, tmp_path: Path
) -> None:
    log(step=0, loss=1.0)
    log.flush()
    again = Logger()
    again(step=1, loss=0.5)
    assert len(rows(tmp_path / "live/plots/loss.csv")) == 3
    (tmp_path / "live/mine.txt").write_text("mine")
    again.clear()
    again(loss=0.1)
    again.flush()
    assert rows(tmp_path / "live/plots/loss.csv") == [["step", "loss"], ["0", "0.1"]]
    assert (tmp_path / "live/mine.txt").exists() and values(tmp_path) == {"loss": 0.1}


@pytest.mark.parametrize("join", [os.link, os.symlink])
def test_a_file_that_is_a_link_into_a_cache_is_left_alone(
    log: Logger, tmp_path: Path, join: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "live/plots").mkdir(parents=True)
    (tmp_path / "object").write_text("step,loss\n0,1.0\n")
    join(tmp_path / "object", tmp_path / "live/plots/loss.csv")
    log(step=1, loss=0.5)
    assert (tmp_path / "object").read_text() == "step,loss\n0,1.0\n"
    assert len(rows(tmp_path / "live/plots/loss.csv")) == 3


def test_more_names_than_files_may_be_open(log: Logger, tmp_path: Path) -> None:
    for step in range(2):
        log({f"layer{number}": step for number in range(400)}, step=step)
    assert len(os.listdir("/proc/self/fd") if os.path.exists("/proc") else []) < 1000
    assert len(rows(tmp_path / "live/plots/layer399.csv")) == 3


def test_a_full_disk_is_told(log: Logger, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("the system has no /dev/full")
    (tmp_path / "live/plots").mkdir(parents=True)
    log(loss=1.0)
    assert log._series is not None
    log._series._open["loss"] = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="space"):
        log(loss=2.0)


def test_params_texts_and_tables_have_files_of_their_own(
    log: Logger, tmp_path: Path
) -> None:
    log.param("lr", 0.1)
    log.param({"layers": (1, 2), "path": Path("x")}, depth=None)
    log.text("sample", "one\ntwo", step=3)
    log.text("sample", "ünï")
    log.table("wrong", [{"id": 1, "why": 'a, "b"'}, {"id": 2, "more": 0.5}])
    log.table("wrong", {"id": [3], "why": ["x"]}, step=5)
    log.flush()
    live = tmp_path / "live"
    assert json.loads((live / "params.json").read_text()) == {
        "lr": 0.1,
        "layers": [1, 2],
        "path": "x",
        "depth": None,
    }
    assert [
        json.loads(line)
        for line in (live / "texts/sample.jsonl").read_text().splitlines()
    ] == [{"step": 3, "text": "one\ntwo"}, {"text": "ünï"}]
    table = series_file.load((live / "tables/wrong.csv").read_bytes(), "wrong.csv")
    assert table == [
        {"id": 1, "why": 'a, "b"', "more": ""},
        {"id": 2, "why": "", "more": 0.5},
    ]
    assert (live / "tables/wrong/5.csv").read_text() == "id,why\n3,x\n"


def pixels(data: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, colour type and the bytes of a PNG's rows."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, body, head = 8, b"", b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        inner = data[at + 8 : at + 8 + size]
        (checked,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert checked == zlib.crc32(kind + inner)
        body += inner if kind == b"IDAT" else b""
        head = inner if kind == b"IHDR" else head
        at += 12 + size
    width, height, _, colours = struct.unpack(">IIBB", head[:10])
    return width, height, colours, zlib.decompress(body)


def test_arrays_are_pictures(log: Logger) -> None:
    assert pixels(png([[0, 255], [1.0, 0.5]])) == (2, 2, 0, b"\0\0\xff\0\xff\x80")
    assert pixels(png([[[1, 2, 3]]])) == (1, 1, 2, b"\0\x01\x02\x03")
    numpy = pytest.importorskip("numpy")
    assert pixels(png(numpy.ones((2, 3)))) == (3, 2, 0, b"\0\xff\xff\xff" * 2)
    assert pixels(png(numpy.zeros((1, 2, 4), "uint8")))[2] == 6
    for shape in ((2,), (2, 2, 2), (0, 2), (1, 1, 1, 1)):
        with pytest.raises(ValueError, match=r"rows, columns|dimensions"):
            png(numpy.zeros(shape))


def test_pictures_are_kept_by_name_and_step(log: Logger, tmp_path: Path) -> None:
    source = tmp_path / "mine.SVG"
    source.write_text("<svg/>")
    assert log.image("drawn", source).endswith("live/plots/images/drawn.svg")
    assert log.image("drawn", [[1]], step=7).endswith("images/drawn/7.png")
    with pytest.raises(ValueError, match="an image ends with"):
        log.image("drawn", __file__)


def test_the_logger_loads_the_standard_library_alone(tmp_path: Path) -> None:
    text = (
        "import sys\n"
        "log(loss=1.0); log.param(a=1); log.text('a', 'b'); log.table('t', [{'a': 1}])\n"
        "log.image('i', [[1]]); log.system(); log.flush()\n"
        "known = sys.stdlib_module_names\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} - known - {'__main__', 'sitecustomize'}))\n"
        "print([n for n in sys.modules if n.startswith('mltrack.') and not n.startswith('mltrack.logger')])\n"
    )
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    done = subprocess.run(
        [python, "-S", "-c", f"from mltrack import log\n{text}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["['mltrack']", "[]"]
