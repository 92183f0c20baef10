"""Hosts that cannot be reached, are not who they were, have no Python, or a clock that
is off.
"""

import shutil
from pathlib import Path

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import DETACHED
from tests.support.workspace import Workspace


def test_a_host_that_cannot_be_reached_is_told_in_sshs_words(
    box: Workspace, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    config = tmp_path / "config"
    config.write_text("Host worker\n  HostName 127.0.0.1\n  Port 1\n")
    box.mltrack("config", "--local", "runner.box.ssh_config", str(config))
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert (
        "ssh cannot reach worker" in said
        and "Connection refused" in said
        and "ssh -F" in said
    )
    assert "cannot be reached" in box.mltrack("runner", "check", "box", code=6).err


def test_a_host_whose_key_changed_is_refused_and_never_overridden(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    known = tmp_path / "known_hosts"
    other = (sshd.home / ".ssh/id.pub").read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 {other}\n")
    config = tmp_path / "config"
    config.write_text(
        sshd.config.read_text().replace(f"{sshd.home}/.ssh/known_hosts", str(known))
    )
    box.mltrack("config", "--local", "runner.box.ssh_config", str(config))
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert "Host key verification failed" in said
    assert known.read_text().count("\n") == 1


def test_a_host_without_python_says_so(box: Workspace) -> None:
    box.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    box.mltrack("config", "--local", "runner.box.python", "/nowhere/python3")
    said = box.mltrack("repro", "--runner", "box", code=6).err
    assert "worker has no /nowhere/python3" in said and "runner.NAME.python" in said


def test_a_clock_that_is_an_hour_off_does_no_harm(
    box: Workspace, tmp_path: Path
) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nexec faketime -f "+1h" /usr/bin/env python3 "$@"\n')
    python.chmod(0o755)
    box.mltrack("config", "--local", "runner.box.python", str(python))
    box.write("mltrack.yaml", DETACHED)
    box.mltrack("repro", "--runner", "box", "--detach")
    assert box.mltrack("job", "list", "--json").json["jobs"][0]["age"] < 600
    box.mltrack("repro", "--runner", "box")
    assert box.read("p") == "done\n" and "up to date" in box.mltrack("status").out
    assert "3600 s ahead" in box.mltrack("runner", "check", "box").out
