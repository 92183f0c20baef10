"""A directory reached by ssh: SFTP over paramiko; ``sftp_writing`` is its other half.

The person's own ssh set-up counts: ``~/.ssh/config`` with its aliases, keys and jump
hosts, the agent, and known_hosts, against which every host key is checked. A connection
is for one thread at a time; several are opened as needed.
"""

import errno
import os
import posixpath
import re
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from mltrack.disk.durable import has_lost_owner, opened, temporary_path, write_all
from mltrack.errors import ConfigError, RemoteError, how_to_add
from mltrack.events import meter
from mltrack.store.kinds.errors import translate
from mltrack.store.kinds.kind import Kind
from mltrack.store.kinds.store import Abilities, Listed

try:
    import paramiko
    from paramiko.sftp import CMD_EXTENDED

    from mltrack.store.kinds.sftp_writing import Writes
except ImportError:
    raise ConfigError(
        "remotes reached by ssh need the library paramiko",
        hint=how_to_add("paramiko"),
    ) from None

# seconds, each for the connection, the host's greeting and the login
CONNECT_SECONDS = 10
# bytes of a file that are in memory at once
_PIECE = 1 << 20
# without spaces and quotes: behind a jump host it is a word of a command line
_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]+\Z")


class UnknownHostKeyError(paramiko.SSHException):  # type: ignore[misc]
    """The host showed a key that known_hosts does not have."""


# as strict as paramiko's default, but it says which key was shown
class _Refusing(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        raise UnknownHostKeyError(
            f"the key of {hostname} ({key.get_name()} {key.fingerprint}) is not in "
            "known_hosts"
        )


class SftpRemote:
    """See :class:`mltrack.store.kinds.store.Store`. ``given`` are the remote's
    settings.
    """

    def __init__(self, url: str, given: Mapping[str, Any], kind: Kind) -> None:
        parts = urlsplit(url)
        if (
            not parts.hostname
            or not _HOST.match(parts.hostname)
            or parts.hostname.startswith("-")
        ):
            raise ConfigError(
                f"not an address of a host: {url!r}", hint="sftp://user@host/path"
            )
        if parts.password:
            raise ConfigError(
                "a password is not allowed in a remote's address",
                hint="use a key, or the ssh agent",
            )
        self._given = given
        self._host, self._port, self._user = (
            parts.hostname,
            parts.port,
            parts.username or given.get("user"),
        )
        self._root = posixpath.normpath(parts.path or ".")
        # SFTP knows no `~`; what is relative starts at the home directory
        if self._root.startswith("/~/"):
            self._root = self._root[3:]
        self._url = (
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip(
                "/"
            )
        )
        self._idle: list[tuple[Any, Any]] = []
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        return self._url

    @property
    def abilities(self) -> Abilities:
        return Abilities(durable=True, local=False, writable=True)

    def list(self, prefix: str) -> Iterator[Listed]:
        # all before the first is given: a generator would hold the connection
        found: list[Listed] = []
        with self._session(prefix) as sftp:
            pending = [prefix.strip("/")]
            while pending:
                at = pending.pop()
                try:
                    entries = sftp.listdir_attr(self._path(at))
                except FileNotFoundError:
                    continue
                for entry in entries:
                    name = f"{at}/{entry.filename}" if at else entry.filename
                    if stat.S_ISDIR(entry.st_mode or 0):
                        pending += [name] if name != "tmp" else []
                    elif stat.S_ISREG(entry.st_mode or 0):
                        found.append(
                            Listed(name, entry.st_size or 0, float(entry.st_mtime or 0))
                        )
        return iter(found)

    def missing(self, names: Iterable[str]) -> set[str]:
        lacking = set()
        with self._session("") as sftp:
            for name in names:
                try:
                    is_there = stat.S_ISREG(sftp.stat(self._path(name)).st_mode or 0)
                except FileNotFoundError:
                    is_there = False
                lacking |= set() if is_there else {name}
        return lacking

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with self._session(name) as sftp, sftp.open(self._path(name), "rb") as file:
            size = (file.stat().st_size or 0) - offset
            count = size if length is None else min(length, size)
            return b"".join(file.readv([(offset, count)])) if count > 0 else b""

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        with (
            self._session(name) as sftp,
            sftp.open(self._path(name), "rb") as source,
            opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target,
        ):
            size = source.stat().st_size or 0
            # 64 requests of 32 KiB under way, or each would wait for a round trip
            source.prefetch(size, max_concurrent_requests=64)
            done = 0
            while piece := source.read(_PIECE):
                write_all(target, piece)
                done += len(piece)
                meter.moved += len(piece)
        if done != size:
            raise RemoteError(
                f"{self._url}/{name} gave {done} of {size} bytes", retryable=True
            )

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        with self._session(name) as sftp, self._written(sftp, name) as file:
            file.write(data)

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        with (
            opened(path, os.O_RDONLY) as source,
            self._session(name) as sftp,
            self._written(sftp, name) as file,
        ):
            while piece := os.read(source, _PIECE):
                file.write(piece)
                meter.moved += len(piece)

    def create(self, name: str, data: bytes) -> bool:
        with self._session(name) as sftp:
            temporary = self._temporary(sftp)
            try:
                # whole before it has its name
                self._write(sftp, temporary, [data])
                self._make_directories(sftp, posixpath.dirname(self._path(name)))
                try:
                    sftp._request(
                        CMD_EXTENDED,
                        "hardlink@openssh.com",
                        temporary.encode(),
                        self._path(name).encode(),
                    )
                except OSError:
                    # SFTP has one code for every failure: whether it is there already
                    # has to be asked
                    sftp.stat(self._path(name))
                    return False
            finally:
                with suppress(OSError):
                    sftp.remove(temporary)
        return True

    def delete(self, names: Iterable[str]) -> None:
        with self._session("") as sftp:
            for name in names:
                with suppress(FileNotFoundError):
                    sftp.remove(self._path(name))

    def clean(self, before: float) -> int:
        count = 0
        with self._session("tmp") as sftp, suppress(FileNotFoundError):
            for entry in sftp.listdir_attr(posixpath.join(self._root, "tmp")):
                is_ours = has_lost_owner(entry.filename) is False
                if not is_ours and float(entry.st_mtime or 0) < before:
                    sftp.remove(posixpath.join(self._root, "tmp", entry.filename))
                    count += 1
        return count

    def close(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for client, _ in idle:
            client.close()

    # writing: aside, synced, renamed over, synced again

    @contextmanager
    def _written(self, sftp: Any, name: str) -> Iterator[Any]:
        path = self._path(name)
        temporary = self._temporary(sftp)
        self._make_directories(sftp, posixpath.dirname(path))
        try:
            with sftp.open(temporary, "wbx") as file:
                writes = Writes(sftp, file)
                yield writes
                # before the sync: while waiting for its answer others are not heard
                writes.finish()
                self._sync(sftp, file)
            sftp.posix_rename(temporary, path)
        except BaseException:
            with suppress(Exception):
                sftp.remove(temporary)
            raise
        with (
            sftp.open(path, "rb") as file
        ):  # a directory cannot be synced by SFTP; syncing the file takes its name along
            self._sync(sftp, file)

    def _write(self, sftp: Any, path: str, pieces: Iterable[bytes]) -> None:
        with sftp.open(path, "wbx") as file:
            for piece in pieces:
                file.write(piece)
            self._sync(sftp, file)

    def _sync(self, sftp: Any, file: Any) -> None:
        """Asks the server to make a file durable. One that cannot is believed to do so
        by itself.
        """
        try:
            sftp._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise

    def _temporary(self, sftp: Any) -> str:
        # below the root: a rename stays within one file system
        directory = posixpath.join(self._root, "tmp")
        self._make_directories(sftp, directory)
        return temporary_path(directory)

    def _make_directories(self, sftp: Any, path: str) -> None:
        missing = []
        while path not in ("", "/", "."):
            try:
                sftp.stat(path)
                break
            except FileNotFoundError:
                missing.append(path)
                path = posixpath.dirname(path)
        for directory in reversed(missing):
            try:
                sftp.mkdir(directory)
            except OSError:
                sftp.stat(directory)  # another process was first

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise RemoteError(f"not a name in a remote: {name[:120]!r}")
        return posixpath.join(self._root, name) if name else self._root

    # connections

    @contextmanager
    def _session(self, name: str) -> Iterator[Any]:
        """Lends a connection; one that failed is closed, not lent again."""
        try:
            with self._guard:
                pair = self._idle.pop() if self._idle else None
            client, sftp = pair or self._connect()
        except (RemoteError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise translate(error, self._url, "") from error
        try:
            yield sftp
        except (RemoteError, FileNotFoundError):
            # the server has answered: the connection is in order
            with self._guard:
                self._idle.append((client, sftp))
            raise
        except OSError as error:
            # answers may still be on their way: nobody else can use it
            client.close()
            if (
                error.filename is not None
                and os.path.isabs(str(error.filename))
                and error.errno == errno.ENOSPC
            ):
                raise  # it is the local disk
            raise translate(error, self._url, name) from error
        except (paramiko.SSHException, paramiko.SFTPError, EOFError) as error:
            client.close()
            raise translate(error, self._url, name) from error
        except BaseException:
            client.close()
            raise
        with self._guard:
            self._idle.append((client, sftp))

    def _connect(self) -> tuple[Any, Any]:
        known = self._configured()
        client = paramiko.SSHClient()
        client.load_system_host_keys()
        for path in [
            "/etc/ssh/ssh_known_hosts",
            *known.get("userknownhostsfile", "").split(),
        ]:
            # a file that cannot be read knows no hosts: then keys are refused
            with suppress(OSError):
                client.load_host_keys(os.path.expanduser(path))
        client.set_missing_host_key_policy(_Refusing())
        jump = known.get("proxyjump", "none")
        command = known.get("proxycommand", "none")
        host, port = (
            known.get("hostname", self._host),
            self._port or int(known.get("port", 22)),
        )
        # paramiko has no jump hosts: ssh itself makes the way
        if jump != "none" and command == "none":
            command = f"ssh -W {host}:{port} {jump}"
        keys = (
            [self._given["key_file"]]
            if self._given.get("key_file")
            else known.get("identityfile", [])
        )
        timeout = int(self._given.get("timeout") or 60)
        client.connect(
            host,
            port=port,
            username=self._user or known.get("user"),
            password=self._given.get("password"),
            key_filename=[os.path.expanduser(key) for key in keys] or None,
            allow_agent=known.get("identitiesonly", "no") != "yes",
            look_for_keys=not keys,
            sock=paramiko.ProxyCommand(command) if command != "none" else None,
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=CONNECT_SECONDS,
        )
        sftp = client.open_sftp()
        # of silence: a large file may take any time
        sftp.get_channel().settimeout(timeout)
        return client, sftp

    def _configured(self) -> dict[str, Any]:
        """What the person's ssh config says of the host."""
        path = os.path.expanduser(self._given.get("ssh_config") or "~/.ssh/config")
        config = paramiko.SSHConfig()
        with suppress(FileNotFoundError):
            config = paramiko.SSHConfig.from_path(path)
        return dict(config.lookup(self._host))
