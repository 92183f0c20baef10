"""Services as remotes of a project."""

import shutil
from typing import Any

from tests.support.workspace import Workspace


def connect(ws: Workspace, service: Any, path: str, **changes: str) -> None:
    """Makes a service the project's remote."""
    ws.mltrack("remote", "add", "cloud", service.url(path), "--force")
    for key, value in {**service.settings(), **changes}.items():
        text = str(value).lower() if isinstance(value, bool) else value
        ws.mltrack("remote", "modify", "--local", "cloud", key, text)


def clone(ws: Workspace, name: str) -> Workspace:
    other = ws.clone(ws.path.parent / name)
    local = ws.path / ".mltrack/config.local.toml"
    if local.exists():
        shutil.copy(local, other.path / ".mltrack/config.local.toml")
    return other
