"""Remotes as people use them, on real servers: S3, ssh, the web; and what happens when
they refuse, lie or vanish.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import WRITABLE, Nginx, RcloneS3, Sshd
from tests.services.service import Service
from tests.support.proxy import Proxy
from tests.support.remotes import clone, connect
from tests.support.workspace import Workspace

Serve = Callable[[type[Service]], Any]
# the emulator of GCS loses a carriage return at the end
LARGE = os.urandom(9 << 20) + b"."


def furnish(ws: Workspace) -> None:
    for number in range(40):
        ws.write(f"data/d{number % 4}/{number}", f"file {number} " * 50)
    ws.write("data/large", LARGE)
    ws.mltrack("add", "data")
    ws.commit("data")


@pytest.mark.parametrize("kind", WRITABLE)
def test_data_goes_there_and_comes_back(
    ws: Workspace, serve: Serve, kind: str, tmp_path: Path
) -> None:
    service = serve(WRITABLE[kind])
    connect(ws, service, tmp_path.name)
    furnish(ws)
    ws.commit("remote")
    assert "would push" in ws.mltrack("push", "--dry-run").out
    assert "pushed" in ws.mltrack("push").out
    assert "Everything is there already" in ws.mltrack("push").out
    other = clone(ws, "other")
    other.mltrack("pull", "data/d1/1")
    assert sorted(path.name for path in (other.path / "data").rglob("*")) == ["1", "d1"]
    other.mltrack("pull", "-j", "3")
    assert other.files("data") == ws.files("data")
    assert "all whole" in other.mltrack("fsck", "--remote", "cloud").out
    assert "Nothing changed" in other.mltrack("status", "--remote", "cloud").out


def test_a_directory_remote_is_read_over_the_web(
    shared: Workspace, serve: Serve, tmp_path: Path
) -> None:
    server = serve(Nginx)
    furnish(shared)
    shared.mltrack("push")
    place = server.directory / "data" / tmp_path.name
    shutil.copytree(tmp_path / "store", place)
    other = shared.clone(tmp_path / "other")
    other.mltrack("remote", "add", "--force", "store", server.url(tmp_path.name))
    other.mltrack("pull")
    assert other.files("data") == shared.files("data")
    other.write("more", "x")
    other.mltrack("add", "more")
    assert "can only be read" in other.mltrack("push", code=6).err


def test_wrong_credentials_and_missing_buckets_are_told_and_change_nothing(
    ws: Workspace, serve: Serve
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    connect(ws, service, "x", secret_key="wrong-secret-key")
    refused = ws.mltrack("push", code=6)
    assert "refused access" in refused.err and "remote modify" in refused.err
    assert "wrong-secret-key" not in refused.said
    ws.mltrack("remote", "add", "--force", "cloud", "s3://nosuchbucket/x")
    for key, value in service.settings().items():
        ws.mltrack("remote", "modify", "--local", "cloud", key, value)
    missing = ws.mltrack("push", code=6)
    assert "no such bucket" in missing.err and "create it" in missing.err


def test_a_place_that_cannot_be_reached_is_told_soon(
    ws: Workspace, serve: Serve
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    connect(ws, service, "x", endpoint="http://127.0.0.1:9")
    started = time.monotonic()
    refused = ws.mltrack("push", code=6)
    assert "cannot be reached" in refused.err and "check the network" in refused.err
    # an upper bound for a hang, not a time limit
    assert time.monotonic() - started < 60


def test_connections_that_are_cut_are_made_again(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    for cut_after in (100, 5_000, 3 << 20):
        proxy = Proxy(service.port, cut_after=cut_after, harm=3)
        connect(
            ws,
            service,
            f"{tmp_path.name}-{cut_after}",
            endpoint=f"http://127.0.0.1:{proxy.port}",
        )
        if cut_after > 1000:
            ws.mltrack("push")
            assert proxy.harm <= 0
        else:
            # a place that has never answered is asked twice only
            ws.mltrack("push", code=None)
            ws.mltrack("push")
        ws.commit("remote")
        proxy.harm = 2
        other = clone(ws, f"other-{cut_after}")
        other.mltrack("pull", code=None)
        other.mltrack("pull")
        assert other.files("data") == ws.files("data")
        proxy.close()


BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 0\r\nConnection: close\r\n\r\n"


def test_a_busy_server_is_asked_again_later(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    connect(ws, service, tmp_path.name)
    ws.mltrack("push")
    proxy = Proxy(service.port, harm=0, answer=BUSY)
    connect(ws, service, tmp_path.name, endpoint=f"http://127.0.0.1:{proxy.port}")
    ws.mltrack("push")
    ws.commit("remote")
    other = clone(ws, "other")
    proxy.harm = 1
    other.mltrack("pull")
    assert other.files("data") == ws.files("data") and proxy.connections > 2
    ws.mltrack("remote", "modify", "cloud", "tries", "1")
    proxy.harm = 99
    assert "is busy or failed" in ws.mltrack("push", code=6).err
    proxy.close()


def start(ws: Workspace, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", *arguments],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_push_that_was_killed_goes_on_where_it_was(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    for number in range(12):
        ws.write(f"data/{number}", os.urandom(2 << 20))
    ws.mltrack("add", "data")
    connect(ws, service, tmp_path.name, jobs="1")
    ws.commit("data")
    place = service.directory / "data/bucket" / tmp_path.name / "objects"
    process = start(ws, "push")
    end = time.monotonic() + 60
    while (
        time.monotonic() < end
        and len(list(place.rglob("*/*"))) < 3
        and process.poll() is None
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    sent = {
        path.name: path.stat().st_mtime_ns
        for path in place.rglob("*")
        if path.is_file() and path.stat().st_size == 2 << 20
    }
    assert "not a remote" not in clone(ws, "early").mltrack("pull", code=None).out
    ws.mltrack("push")
    after = {
        path.name: path.stat().st_mtime_ns
        for path in place.rglob("*")
        if path.is_file()
    }
    assert len(after) == 12
    kept = [name for name in sent if after[name] == sent[name]]
    assert len(kept) >= len(sent) - 1, "finished objects were sent again"
    other = clone(ws, "other")
    other.mltrack("pull")
    assert other.files("data") == ws.files("data")


def test_a_fetch_of_a_large_object_that_was_cut_keeps_its_parts(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    ws.write("big", os.urandom(40 << 20))
    ws.mltrack("add", "big")
    connect(ws, service, tmp_path.name, jobs="1", tries="1")
    ws.commit("big")
    ws.mltrack("push")
    proxy = Proxy(service.port, cut_after=18 << 20, harm=99)
    other = clone(ws, "other")
    other.mltrack(
        "remote",
        "modify",
        "--local",
        "cloud",
        "endpoint",
        f"http://127.0.0.1:{proxy.port}",
    )
    other.mltrack("pull", code=6)
    (part,) = (other.path / ".mltrack/cache/tmp").glob("*.partial")
    begun = part.stat().st_size
    assert begun >= 4 << 20
    other.mltrack("pull", code=None)
    other.mltrack("pull", code=None)
    other.mltrack("pull", code=None)
    assert (other.path / "big").read_bytes() == (ws.path / "big").read_bytes()
    assert not list((other.path / ".mltrack/cache/tmp").glob("*.partial"))
    proxy.close()


def test_two_pushes_at_once_both_end_and_everything_is_there(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    connect(ws, service, tmp_path.name)
    ws.commit("remote")
    ws.mltrack("push", "data/d0/0", code=None)
    other = clone(ws, "second")
    other.write("mine", os.urandom(1 << 20))
    other.mltrack("add", "mine")
    other.write("data/d0/0", "changed")
    processes = [start(ws, "push"), start(other, "push", "mine")]
    assert [process.wait(120) for process in processes] == [0, 0]
    third = clone(ws, "third")
    third.mltrack("pull")
    assert third.files("data") == ws.files("data")
    shutil.rmtree(other.path / ".mltrack/cache")
    (other.path / "mine").unlink()
    other.mltrack("pull", "mine")


def test_bytes_that_a_server_changed_never_enter_the_cache(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    service = serve(RcloneS3)
    furnish(ws)
    connect(ws, service, tmp_path.name)
    ws.commit("remote")
    ws.mltrack("push")
    place = service.directory / "data/bucket" / tmp_path.name
    victim = next(path for path in (place / "objects").rglob("*") if path.is_file())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1])
    other = clone(ws, "short")
    assert other.mltrack("pull", code=3).err.count("hint") == 1
    flipped = whole[:5] + bytes([whole[5] ^ 1])
    victim.write_bytes(flipped + whole[6:])
    other = clone(ws, "flipped")
    assert "does not match its digest" in other.mltrack("pull", code=3).err
    assert not any(
        flipped in path.read_bytes() for path in other.path.rglob("*") if path.is_file()
    )
    assert "1 repaired" in ws.mltrack("fsck", "--remote", "cloud", "--repair").out
    other.mltrack("pull")


def test_a_host_whose_key_is_not_known_is_refused(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    server = serve(Sshd)
    furnish(ws)
    config = tmp_path / "ssh_config"
    config.write_text(server.config.read_text().replace("UserKnownHostsFile", "#"))
    connect(ws, server, tmp_path.name, ssh_config=str(config))
    refused = ws.mltrack("push", code=6)
    assert "not in known_hosts" in refused.err and "compare the key" in refused.err
    assert not (server.directory / "data" / tmp_path.name).exists()


def test_a_directory_over_ssh_is_a_directory_remote_for_those_on_the_host(
    ws: Workspace, serve: Serve, tmp_path: Path
) -> None:
    server = serve(Sshd)
    furnish(ws)
    connect(ws, server, tmp_path.name)
    ws.mltrack("push")
    ws.commit("remote")
    other = ws.clone(tmp_path / "other")
    other.mltrack(
        "remote",
        "add",
        "--force",
        "cloud",
        str(server.directory / "data" / tmp_path.name),
    )
    other.mltrack("pull")
    assert other.files("data") == ws.files("data")


def test_removing_the_default_of_this_clone_leaves_that_of_the_project(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("remote", "add", "--local", "scratch", str(tmp_path / "scratch"))
    ws.mltrack("remote", "default", "--local", "scratch")
    before = ws.read(".mltrack/config.toml")
    ws.mltrack("remote", "remove", "scratch")
    assert ws.read(".mltrack/config.toml") == before
    assert ws.mltrack("config", "core.remote").out.strip() == "store"


def test_the_run_records_of_a_removed_remote_count_no_longer(
    shared: Workspace,
) -> None:
    shared.write("mltrack.yaml", "stages:\n  t: {cmd: echo 1 > o, outs: [o]}\n")
    shared.mltrack("repro")
    shared.mltrack("push")
    remotes = shared.path / ".mltrack/index/remotes"
    assert (remotes / "store.runs").exists()
    shared.mltrack("remote", "remove", "store")
    assert not list(remotes.iterdir())
