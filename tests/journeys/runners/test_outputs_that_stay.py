"""Outputs stay on the host until they are wanted, and every command knows of them."""

import os
from pathlib import Path

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import add_runner, finished, stages
from tests.support.workspace import Workspace


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
