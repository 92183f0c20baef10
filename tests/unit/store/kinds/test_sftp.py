"""A directory reached by ssh: what an address may say, and whose word counts. The rest
needs a server: tests/conformance.
"""

import socket
from pathlib import Path
from typing import Any

import paramiko
import pytest

from mltrack.errors import ConfigError, RemoteError
from mltrack.store.kinds.known.sftp import KIND
from mltrack.store.kinds.sftp import SftpRemote, UnknownHostKeyError, _Refusing


def at(url: str, **given: Any) -> SftpRemote:
    return SftpRemote(url, given, KIND)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "root", "shown"),
    [
        ("sftp://h/a/b", "h", None, None, "/a/b", "sftp://h/a/b"),
        ("sftp://me@h:22/a/", "h", 22, "me", "/a", "sftp://h:22/a"),
        ("ssh://h/~/data", "h", None, None, "data", "ssh://h/~/data"),
        ("sftp://h", "h", None, None, ".", "sftp://h"),
        ("sftp://h/a/../b", "h", None, None, "/b", "sftp://h/a/../b"),
        ("sftp://[::1]:2/a", "::1", 2, None, "/a", "sftp://[::1]:2/a"),
    ],
)
def test_an_address_names_host_user_and_directory(
    url: str, host: str, port: int | None, user: str | None, root: str, shown: str
) -> None:
    store = at(url)
    assert (store._host, store._port, store._user) == (host, port, user)
    assert store._root == root and store.url == shown


def test_the_user_may_be_a_setting_and_is_not_shown() -> None:
    assert at("sftp://h/a", user="me")._user == "me"
    assert at("sftp://you@h/a", user="me")._user == "you"
    assert "you" not in at("sftp://you@h/a").url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sftp:///a", "not an address of a host"),
        ("sftp://-oProxyCommand=x/a", "not an address of a host"),
        ("sftp://a b/c", "not an address of a host"),
        ("sftp://a;b/c", "not an address of a host"),
        ("sftp://me:word@h/a", "a password is not allowed"),
    ],
)
def test_what_is_no_host_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        at(url)


@pytest.mark.parametrize("name", ["/abs", "..", "a/../b"])
def test_no_name_leads_out_of_it(name: str) -> None:
    with pytest.raises(RemoteError, match="not a name in a remote"):
        at("sftp://h/root")._path(name)
    assert at("sftp://h/root")._path("a/b") == "/root/a/b"
    assert at("sftp://h/root")._path("") == "/root"


def test_a_key_that_is_not_known_is_refused_by_name() -> None:
    key = paramiko.ECDSAKey.generate()
    with pytest.raises(UnknownHostKeyError, match="is not in known_hosts") as raised:
        _Refusing().missing_host_key(None, "h", key)
    assert key.fingerprint in str(raised.value) and "the key of h" in str(raised.value)


def test_the_persons_own_configuration_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at("sftp://box/a")._configured()["hostname"] == "box"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host box\n  HostName there\n  Port 7\n")
    found = at("sftp://box/a")._configured()
    assert (found["hostname"], found["port"]) == ("there", "7")
    (tmp_path / "other").write_text("Host box\n  HostName elsewhere\n")
    found = at("sftp://box/a", ssh_config=str(tmp_path / "other"))._configured()
    assert found["hostname"] == "elsewhere" and "port" not in found


def test_a_host_that_does_not_listen_is_told_and_may_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        store = at(f"sftp://127.0.0.1:{taken.getsockname()[1]}/a", password="x")
        with pytest.raises(RemoteError, match="cannot be reached") as raised:
            store.get("x")
        assert raised.value.retryable
        store.close()
