"""A pool of several hosts: all are used, and one that cannot be reached is left out and
named.
"""

from pathlib import Path

from tests.services.servers import Sshd
from tests.support.hosts import add_runner, events
from tests.support.workspace import Workspace


def test_a_pool_uses_all_of_its_hosts(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "pool", gpus=1, host="worker,second")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    matrix: {n: [0, 1, 2, 3]}\n    cmd: sleep 0.3; touch o${item.n}\n    outs: ['o${item.n}']\n"
        "    resources: {cpus: 1}\n",
    )
    box.mltrack("config", "--local", "runner.pool.cpus", "1")
    places = {
        (event["stage"], event["place"])
        for event in events(box, "--runner", "pool", "-j", "4")
        if event["event"] == "StagePlaced" and event["place"]
    }
    assert {place for _, place in places} == {"worker", "second"}


def test_a_host_of_a_pool_that_cannot_be_reached_is_left_out_and_named(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "pool", host="nobody.invalid,worker")
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    said = box.mltrack("repro", "--runner", "pool").err
    assert (
        "warning: pool: nobody.invalid is left out" in said and box.read("o") == "x\n"
    )
