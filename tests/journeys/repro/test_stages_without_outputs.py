"""A stage that writes nothing is never restored, and one whose bytes are nowhere says
so.
"""

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def log(ws: Workspace) -> Workspace:
    ws.write("../log", "")
    return ws


def ran(ws: Workspace) -> list[str]:
    return ws.read("../log").splitlines()


def declare(ws: Workspace, command: str, more: str = "deps: [in]") -> None:
    ws.write("mltrack.yaml", f"stages:\n  d: {{cmd: '{command}', {more}}}\n")


def test_a_deployment_runs_each_time_its_input_is_another(log: Workspace) -> None:
    declare(log, "cat in >> ../log")
    for value in ("1", "2", "1", "1"):
        log.write("in", f"{value}\n")
        log.mltrack("repro")
    assert ran(log) == ["1", "2", "1"]
    log.mltrack("status", "--check")


def test_so_does_each_item_of_a_group_with_its_params(log: Workspace) -> None:
    log.write(
        "mltrack.yaml",
        "stages:\n  d:\n    foreach: [x, y]\n    do: {cmd: 'echo ${item}${v} >> ../log', params: [v]}\n",
    )
    for value in (1, 2, 1):
        log.write("params.yaml", f"v: {value}\n")
        log.mltrack("repro")
    assert ran(log) == ["x1", "y1", "x2", "y2", "x1", "y1"]


def test_what_another_param_deployed_is_deployed_back(log: Workspace) -> None:
    log.write("params.yaml", "v: 1\n")
    declare(log, "echo ${v} >> ../log", "params: [v]")
    log.mltrack("repro")
    log.mltrack("repro", "--set", "v=2")
    log.mltrack("repro")
    assert ran(log) == ["1", "2", "1"]


def test_a_lock_that_was_lost_is_no_reason_to_believe_that_it_ran(
    log: Workspace,
) -> None:
    log.write("in", "1\n")
    declare(log, "cat in >> ../log")
    log.mltrack("repro")
    (log.path / "mltrack.lock").unlink()
    log.mltrack("repro")
    assert ran(log) == ["1", "1"]


def test_a_deployment_that_was_recorded_by_hand_is_not_run(log: Workspace) -> None:
    log.write("in", "1\n")
    declare(log, "cat in >> ../log")
    log.mltrack("commit", "d")
    log.mltrack("repro")
    assert ran(log) == []


@pytest.mark.parametrize("end", ["grep -q 1 in", "grep -q 1 in || kill -9 $PPID"])
def test_a_deployment_that_failed_half_way_is_run_again_with_what_was_there_before(
    log: Workspace, end: str
) -> None:
    declare(log, f"cp in ../live; {end}")
    for value, code in (("1", 0), ("2", None), ("1", 0)):
        log.write("in", f"{value}\n")
        log.mltrack("repro", code=code)
    assert log.read("../live") == "1\n"


@pytest.mark.parametrize("size", [10, 1_200_000])
def test_outputs_left_to_git_come_back_as_they_were_or_are_made_anew(
    log: Workspace, size: int
) -> None:
    declare(
        log,
        f"head -c {size} /dev/zero > o; cat in >> o; echo ran >> ../log",
        "deps: [in], outs: [{o: {cache: false}}]",
    )
    for value in ("1", "2", "1"):
        log.write("in", f"{value}\n")
        log.mltrack("repro")
        assert (log.path / "o").read_bytes() == b"\0" * size + f"{value}\n".encode()
    (log.path / "o").unlink()
    log.mltrack("repro")
    assert (log.path / "o").read_bytes() == b"\0" * size + b"1\n"
    log.mltrack("status", "--check")


def test_an_output_left_to_git_and_one_in_the_cache_are_of_one_run(
    log: Workspace,
) -> None:
    declare(
        log,
        "cat in > p; head -c 1200000 /dev/urandom > o; md5sum < o >> p",
        "deps: [in], outs: [{o: {cache: false}}, p]",
    )
    for value in ("1", "2"):
        log.write("in", f"{value}\n")
        log.mltrack("repro")
    (log.path / "o").unlink()
    log.write("in", "1\n")
    log.mltrack("repro")
    sums = log.run(["sh", "-c", "md5sum < o"]).out
    assert log.read("p") == f"1\n{sums}"
