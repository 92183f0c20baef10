"""Runners are added and named; wrong ones are refused with a hint."""

import pytest

from tests.support.hosts import stages
from tests.support.workspace import Workspace


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=touch pwned", "a b", "a;b", "$(id)", ""]
)
def test_a_host_that_is_no_name_is_refused(host: str, ws: Workspace) -> None:
    said = ws.mltrack("runner", "add", "x", "--", host, code=1).err
    assert "not the name of a host" in said
    assert not ws.exists("pwned")


def test_unknown_and_wrong_runners_are_refused_with_a_hint(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    assert (
        "there is no runner 'nope'"
        in ws.mltrack("repro", "--runner", "nope", code=2).err
    )
    assert (
        "'local' is this machine"
        in ws.mltrack("runner", "add", "local", "gpu1", code=2).err
    )
    ws.mltrack("config", "--local", "runner.half.gpus", "2")
    assert (
        "runner.half.type is not set"
        in ws.mltrack("repro", "--runner", "half", code=1).err
    )
    assert (
        "not a name for a runner"
        in ws.mltrack("runner", "add", "a/b", "gpu1", code=2).err
    )
    ws.mltrack("runner", "add", "rack", "gpu1", "gpu2")
    assert (
        "there is a runner 'rack' already"
        in ws.mltrack("runner", "add", "rack", "gpu3", code=2).err
    )
    found = ws.mltrack("runner", "list", "--json").json["runners"]
    assert [one["name"] for one in found] == ["local", "rack"] and found[1][
        "hosts"
    ] == ["gpu1", "gpu2"]


def test_a_committed_config_names_no_program_of_a_host(ws: Workspace) -> None:
    config = ws.path / ".mltrack/config.toml"
    config.write_text(
        config.read_text()
        + '\n[runner.x]\ntype = "ssh"\nhosts = ["h"]\npython = "/tmp/evil"\n'
    )
    assert (
        "is not allowed in the committed config"
        in ws.mltrack("runner", "list", code=1).err
    )


def test_a_mistyped_runner_is_refused_though_nothing_has_to_run(box: Workspace) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    box.mltrack("repro")
    for arguments in ((), ("--dry-run",)):
        assert (
            "did you mean"
            in box.mltrack("repro", "--runner", "bxo", *arguments, code=2).err
        )
