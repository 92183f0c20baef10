"""What a clone or an unpacked archive brings along names no host that credentials go
to.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def name_hosts(ws: Workspace, runner: str) -> None:
    config = ws.read(".mltrack/config.toml")
    ws.write(
        ".mltrack/config.toml",
        f'{config}\n[runner.{runner}]\ntype = "ssh"\nhosts = ["evil.example"]\n',
    )


def watched(ws: Workspace, tmp_path: Path) -> tuple[Workspace, Path]:
    """The clone of a stranger on whose machine every start of ssh leaves a file."""
    other, seen = stranger(ws, tmp_path), tmp_path / "ssh was started"
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(f"#!/bin/sh\ntouch '{seen}'\nexit 255\n")
    ssh.chmod(0o755)
    other.environment["PATH"] = f"{ssh.parent}:{other.environment['PATH']}"
    return other, seen


def stranger(ws: Workspace, tmp_path: Path) -> Workspace:
    """The same clone for someone who never typed any of it."""
    home = tmp_path / "stranger"
    home.mkdir()
    return Workspace(
        ws.path, {**ws.environment, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    )


@pytest.mark.parametrize(
    ("url", "key", "value"),
    [
        ("s3://bucket/p", "endpoint", "http://127.0.0.1:9"),
        ("az://container/p", "account", "evil"),
        ("sftp://host/p", "password", "mine"),
        ("https://host/p", "password", "mine"),
    ],
)
def test_a_place_that_only_the_projects_files_name_is_asked_about_once(
    ws: Workspace, tmp_path: Path, url: str, key: str, value: str
) -> None:
    ws.mltrack("remote", "add", "store", url)
    ws.mltrack("remote", "modify", "store", key, value)
    other = stranger(ws, tmp_path)
    told = other.mltrack("push", code=2)
    assert (
        "leads to" in told.err
        and "mltrack remote trust store" in told.err
        and "mine" not in told.said
    )
    assert "not asked" in other.mltrack("doctor").out
    other.mltrack("remote", "trust", "store")
    assert "leads to" not in other.mltrack("push", code=None).err
    changed = (
        other.read(".mltrack/config.toml")
        .replace("//bucket", "//other")
        .replace("//container", "//other")
    )
    other.write(
        ".mltrack/config.toml",
        changed.replace("//host", "//other")
        .replace(":9", ":10")
        .replace("evil", "more"),
    )
    assert "leads to" in other.mltrack("push", code=2).err


def test_what_the_person_typed_is_trusted_and_another_option_does_not_do_it(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "store", "s3://bucket/p")
    ws.mltrack("remote", "modify", "store", "endpoint", "http://127.0.0.1:9")
    assert "leads to" not in ws.mltrack("push", code=None).err
    other = stranger(ws, tmp_path)
    other.mltrack("remote", "modify", "store", "secret_key", "mine")
    assert "leads to" in other.mltrack("push", code=2).err


def test_no_project_can_write_what_is_trusted(ws: Workspace) -> None:
    for name in ("config.toml", "config.local.toml"):
        before = ws.read(f".mltrack/{name}") if ws.exists(f".mltrack/{name}") else ""
        ws.write(
            f".mltrack/{name}", before + '\n[trust]\nplaces = ["s3 at http://evil"]\n'
        )
        assert "trust.places" in ws.mltrack("status", code=1).err
        ws.write(f".mltrack/{name}", before)
    ws.mltrack("config", "trust.places", "s3 at http://evil", code=1)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:SECRET@h/x",
        "s3://user:SECRET@b/x",
        "az://SECRET@c/x",
        "sftp://user:SECRET@h/x",
        "https://h/x?token=SECRET",
        "webdav://user:SECRET@h/x",
    ],
)
def test_a_secret_in_an_address_is_neither_kept_nor_shown(
    ws: Workspace, url: str
) -> None:
    told = ws.mltrack("remote", "add", "store", url, code=1)
    assert "SECRET" not in told.said and "password" in told.err
    assert "SECRET" not in ws.read(".mltrack/config.toml")
    ws.write(
        ".mltrack/config.toml",
        f'[core]\nhash = "xxh3"\nremote = "t"\n[remote.t]\nurl = "{url}"\n',
    )
    for command in (
        "remote list",
        "config",
        "push",
        "fetch",
        "doctor",
        "status -r t",
        "remote add t /x",
    ):
        assert "SECRET" not in ws.mltrack(*command.split(), code=None).said, command


def test_secrets_lie_in_one_file_that_nobody_else_reads(ws: Workspace) -> None:
    ws.mltrack("remote", "add", "store", "s3://bucket/p")
    ws.mltrack("remote", "modify", "store", "secret_key", "CANARY")
    ws.mltrack("status")
    holding = [
        path
        for path in ws.path.rglob("*")
        if path.is_file() and b"CANARY" in path.read_bytes()
    ]
    assert [path.name for path in holding] == ["config.local.toml"]
    assert holding[0].stat().st_mode & 0o077 == 0
    ws.mltrack("remote", "modify", "store", "secret_key", "--unset")
    assert not [
        path
        for path in ws.path.rglob("*")
        if path.is_file() and b"CANARY" in path.read_bytes()
    ]


def test_doctor_asks_no_host_that_stands_for_this_machine(
    ws: Workspace, tmp_path: Path
) -> None:
    name_hosts(ws, "local")
    other, seen = watched(ws, tmp_path)
    told = other.mltrack("doctor").out
    assert "evil.example, not asked" in told and "mltrack runner trust local" in told
    assert not seen.exists()
    other.mltrack("runner", "trust", "local")
    told = other.mltrack("doctor", code=None)
    assert seen.exists() and told.code == 1
    assert "running" in told.out and "evil.example" in told.out


def test_pull_asks_no_host_that_only_the_projects_files_name(
    shared: Workspace, tmp_path: Path
) -> None:
    name_hosts(shared, "box")
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.mltrack("push")
    shutil.rmtree(tmp_path / "store/packs")
    shutil.rmtree(shared.path / ".mltrack/cache")
    (shared.path / "f").unlink()
    other, seen = watched(shared, tmp_path)
    other.mltrack("pull", code=None)
    assert not seen.exists()
    other.mltrack("runner", "trust", "box")
    other.mltrack("pull", code=None)
    assert seen.exists()


def test_a_remote_that_is_not_trusted_does_not_keep_the_others_from_being_asked(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.mltrack("push")
    config = shared.read(".mltrack/config.toml")
    shared.write(
        ".mltrack/config.toml",
        f'{config}\n[remote.evil]\nurl = "s3://b/x"\nendpoint = "http://evil.example"\n'
        '[remote.odd]\nurl = "nothing://knows/this"\n',
    )
    shutil.rmtree(shared.path / ".mltrack/cache")
    (shared.path / "f").unlink()
    other = stranger(shared, tmp_path)
    other.mltrack("pull")
    assert other.read("f") == "x"
