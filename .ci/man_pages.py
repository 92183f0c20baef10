"""Puts the man pages into a wheel where `make man` has written them; without them a
wheel is built too, as by `pip install .` in a clone.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        pages = sorted((Path(self.root) / "build/man").glob("*.1"))
        build_data["shared_data"].update(
            {str(page): f"share/man/man1/{page.name}" for page in pages}
        )
