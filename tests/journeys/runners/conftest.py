"""A host reached by ssh, and a project that has it as a runner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import add_runner
from tests.support.workspace import Workspace

Serve = Callable[[type[Sshd]], Any]


@pytest.fixture
def sshd(serve: Serve) -> Sshd:
    return serve(Sshd)  # type: ignore[no-any-return]


@pytest.fixture
def box(ws: Workspace, sshd: Sshd, tmp_path: Path) -> Workspace:
    """A project with a runner called box, of two GPU slots."""
    add_runner(ws, sshd, tmp_path)
    return ws
