"""``config``: settings shown with their origin, and changed in one of the files they
may stand in.
"""

import os
from typing import Literal

from mltrack.config import edit, places, schema
from mltrack.config.settings import FILE_NAME, LOCAL_NAME, Value, load, user_config_path
from mltrack.errors import ConfigError
from mltrack.formats.remote_url import shown
from mltrack.project import DIRECTORY, Project
from mltrack.project import load as load_project
from mltrack.store.kinds.opening import check_kind

Level = Literal["project", "local", "user"]


def show(project: Project | None, key: str = "") -> dict[str, Value]:
    """Returns one setting, or all of them, without secrets; without a project, those of
    the user.
    """
    settings = (
        project.settings if project is not None else load(None, None, os.environ, None)
    )
    found = {key: settings.origin(key)} if key else settings.all()
    return {name: _masked(name, value) for name, value in found.items()}


def _masked(name: str, value: Value) -> Value:
    """Secrets are kept where they stand: neither a screen nor a log shows them."""
    if name.endswith(".url"):
        return value._replace(value=shown(str(value.value)))
    is_secret = value.value and schema.find(name).secret
    return value._replace(value="(set)") if is_secret else value


def change(project: Project | None, key: str, text: str | None, level: Level) -> str:
    """Sets a key in the file of a level, or removes it for None; returns the file's
    path. Only the user's own level can be changed without a project.
    """
    setting = schema.find(key)
    if key == "core.hash":
        raise ConfigError(
            "core.hash belongs to the project from its start and cannot be changed",
            hint="mltrack init --help",
        )
    if setting.private and level == "project":
        raise ConfigError(
            f"{key} is a secret or belongs to this machine: it is not allowed in the "
            "committed config",
            hint=f"mltrack config --local {key} …",
        )
    # trust that a project could give itself would be none
    if key == places.KEY and level != "user":
        raise ConfigError(
            f"{key} is read from your own config only", hint="mltrack remote trust NAME"
        )
    path = _place(project, level)
    if text is None:
        if not edit.unset(path, key):
            raise ConfigError(
                f"{key} is not set in {path}", hint=f"mltrack config --origin {key}"
            )
    else:
        value = schema.parse(key, text, key)
        if key.startswith("remote.") and key.endswith(".url"):
            check_kind(text)
        edit.set_value(path, key, value)
        # what was typed here is the person's word for the place
        if project is not None and key.startswith(("remote.", "runner.")):
            kind, name, option = key.split(".")
            # read anew: the settings in hand are those of before
            fresh = load_project(project.path, project.cwd, project.repository).settings
            typed = (
                places.trust_typed if kind == "remote" else places.trust_typed_runner
            )
            typed(fresh, name, option)
    return path


def _place(project: Project | None, level: Level) -> str:
    if project is None or level == "user":
        return user_config_path(os.environ)
    if level == "local":
        return os.path.join(project.shared_path, LOCAL_NAME)
    return os.path.join(project.path, DIRECTORY, FILE_NAME)
