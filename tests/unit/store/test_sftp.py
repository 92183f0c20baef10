"""What an SFTP server could not write is told, though writes do not wait for answers."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

paramiko = pytest.importorskip("paramiko")

from mltrack.errors import RemoteError  # noqa: E402
from mltrack.store.kinds.known.sftp import KIND  # noqa: E402
from mltrack.store.kinds.sftp import SftpRemote  # noqa: E402

PIECE = 32768


class Handle(paramiko.SFTPHandle):  # type: ignore[misc,name-defined]
    """A file that cannot take what is written at ``fails_at``."""

    fails_at = -1

    def __init__(self, path: str) -> None:
        super().__init__(os.O_RDWR)
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def write(self, offset: int, data: bytes) -> int:
        if offset == self.fails_at:
            return int(paramiko.SFTP_FAILURE)
        os.pwrite(self.descriptor, data, offset)
        return int(paramiko.SFTP_OK)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.descriptor, length, offset)

    def close(self) -> None:
        os.close(self.descriptor)


class Files(paramiko.SFTPServerInterface):  # type: ignore[misc,name-defined]
    def open(self, path: str, flags: int, attr: Any) -> Any:
        return Handle(path)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(path))
        except FileNotFoundError:
            return paramiko.SFTP_NO_SUCH_FILE

    def mkdir(self, path: str, attr: Any) -> int:
        os.mkdir(path)
        return int(paramiko.SFTP_OK)

    def remove(self, path: str) -> int:
        os.unlink(path)
        return int(paramiko.SFTP_OK)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        os.rename(oldpath, newpath)
        return int(paramiko.SFTP_OK)


class Anyone(paramiko.ServerInterface):  # type: ignore[misc,name-defined]
    def check_auth_none(self, username: str) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpRemote]:
    ours, theirs = socket.socketpair()
    server = paramiko.Transport(theirs)
    server.add_server_key(paramiko.ECDSAKey.generate())
    server.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    server.start_server(event=threading.Event(), server=Anyone())
    client = paramiko.Transport(ours)
    client.start_client()
    client.auth_none("someone")
    opened = paramiko.SFTPClient.from_transport(client)
    made = SftpRemote(f"sftp://host{tmp_path}/remote", {}, KIND)
    monkeypatch.setattr(made, "_connect", lambda: (client, opened))
    yield made
    client.close()
    server.close()


def test_a_file_arrives_whole(remote: SftpRemote, tmp_path: Path) -> None:
    data = os.urandom(300 * PIECE + 7)
    (tmp_path / "in").write_bytes(data)
    remote.put_file("packs/big", str(tmp_path / "in"))
    assert (tmp_path / "remote/packs/big").read_bytes() == data


@pytest.mark.parametrize("at", [0, 20, 39])
def test_one_failing_write_among_many_is_told_and_nothing_gets_the_name(
    remote: SftpRemote, tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handle, "fails_at", at * PIECE)
    (tmp_path / "in").write_bytes(os.urandom(40 * PIECE))
    with pytest.raises(RemoteError):
        remote.put_file("packs/big", str(tmp_path / "in"))
    assert not (tmp_path / "remote/packs/big").exists()
    assert not list((tmp_path / "remote/tmp").iterdir())
