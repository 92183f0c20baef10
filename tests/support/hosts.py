"""Projects whose stages run on a host reached by ssh, as a person would set them up."""

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.support.workspace import Workspace

DETACHED = "stages:\n  t:\n    cmd: echo begun; sleep 1; echo done > o\n    outs: [o]\n  u:\n    cmd: cat o > p\n    deps: [o]\n    outs: [p]\n"
"""A stage that takes a second, and one after it."""


def add_runner(
    ws: Workspace,
    sshd: Any,
    place: Path,
    name: str = "box",
    *,
    gpus: int = 2,
    host: str = "worker",
) -> None:
    """Names a runner in this clone's own config; its directory and GPU locks lie below
    ``place``.
    """
    ws.mltrack("runner", "add", "--local", "--force", name, *host.split(","))
    options = {
        "ssh_config": sshd.config,
        "directory": place / "host",
        "gpu_locks": place / "locks",
        "gpus": gpus,
    }
    for key, value in options.items():
        ws.mltrack("config", "--local", f"runner.{name}.{key}", str(value))


def host_processes(place: Path) -> dict[str, list[int]]:
    """The processes that work for a host's directory, by what they are: 'ssh',
    'server', 'supervisor', 'command'.
    """
    found: dict[str, list[int]] = {
        "ssh": [],
        "server": [],
        "supervisor": [],
        "command": [],
    }
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            links = open_files(name)
            cwd = os.readlink(f"/proc/{name}/cwd")
        except OSError:
            continue
        is_here = any(str(place / "host").encode() in word for word in words)
        if words[0].endswith(b"ssh") and is_here:
            found["ssh"].append(int(name))
        elif any(
            link.endswith("/alive") and link.startswith(str(place)) for link in links
        ):
            found["supervisor"].append(int(name))
        elif is_here and words[0].endswith(b"python3"):
            found["server"].append(int(name))
        elif cwd.startswith(str(place / "host/jobs")):
            found["command"].append(int(name))
    return found


def open_files(pid: str) -> list[str]:
    """What a process has open; descriptors that it closes meanwhile are left out, so
    that a busy process is not taken for one that has ended.
    """
    links = []
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return links


def kill(pids: list[int]) -> int:
    """Kills processes; returns how many there were."""
    count = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            count += 1
        except ProcessLookupError:
            continue
    return count


def stages(ws: Workspace, **blocks: str) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n" + "".join(f"  {name}: {block}\n" for name, block in blocks.items()),
    )


def finished(box: Workspace) -> None:
    box.mltrack("repro", "--runner", "box", "--detach")
    box.mltrack("job", "attach", "a")


def events(ws: Workspace, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    out = ws.mltrack("repro", "--json", *arguments, code=code).out
    return [json.loads(line) for line in out.splitlines()]
