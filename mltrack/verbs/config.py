"""``config``: settings shown with their origin, and changed in one of the files they may stand in."""

import os

from mltrack.config import edit, schema
from mltrack.config.settings import FILE_NAME, LOCAL_NAME, Value, user_config_path
from mltrack.errors import ConfigError
from mltrack.project import DIRECTORY, Project


def show(project: Project, key: str = "") -> dict[str, Value]:
    """Returns one setting, or all of them."""
    return {key: project.settings.origin(key)} if key else project.settings.all()


def change(project: Project, key: str, text: str | None, level: str) -> str:
    """Sets a key in the file of a level, or removes it for None; returns the file's path."""
    setting = schema.find(key)
    if key == "core.hash":
        raise ConfigError(
            "core.hash belongs to the project from its start and cannot be changed", hint="mltrack init --help"
        )
    if setting.private and level == "project":
        raise ConfigError(
            f"{key} names a place of this machine and may not stand in the committed config",
            hint=f"mltrack config --local {key} …",
        )
    path = {
        "project": os.path.join(project.path, DIRECTORY, FILE_NAME),
        "local": os.path.join(project.shared_path, LOCAL_NAME),
        "user": user_config_path(os.environ),
    }[level]
    if text is None:
        if not edit.unset(path, key):
            raise ConfigError(f"{key} is not set in {path}", hint=f"mltrack config --origin {key}")
    else:
        edit.set_value(path, key, schema.parse(key, text, key))
    return path
