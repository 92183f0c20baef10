"""What ``doctor`` says of this machine and this user, in a project or outside of any."""

import importlib.util
import os
import shutil
import sys
from typing import NamedTuple

from mltrack import __version__
from mltrack.config.settings import load, read_file, user_config_path
from mltrack.errors import MltrackError, how_to_add
from mltrack.git import command as git_command
from mltrack.git import repository
from mltrack.store.kinds import known

_MODULES = {"vl-convert-python": "vl_convert"}
"""Libraries that are imported under another name than they are installed by."""
_MORE = {"blake3": "blake3", "plots as PNG or SVG": "vl-convert-python"}
"""What needs a library besides remotes, and which."""


class Check(NamedTuple):
    """One thing looked at. ``state`` is 'ok', 'note' (works, could be better) or 'bad'."""

    name: str
    state: str
    detail: str
    hint: str = ""


def programs() -> list[Check]:
    """Returns what runs here: mltrack, its interpreter, git."""
    checks = [
        Check(
            "mltrack",
            "ok",
            f"{__version__}, Python {sys.version.split()[0]} at {sys.executable}",
        )
    ]
    try:
        version = git_command.run(["--version"], "/").decode().strip()
        checks.append(Check("git", "ok", version))
    except MltrackError as error:
        checks.append(Check("git", "bad", error.message, error.hint))
    return checks


def extras() -> Check:
    """Returns which libraries are here that mltrack can do without."""
    needed = {kind.schemes[0]: kind.library for kind in known.kinds() if kind.library}
    libraries = {f"{scheme}:// remotes": name for scheme, name in needed.items()}
    there: list[str] = []
    absent: list[tuple[str, str]] = []
    for use, library in sorted({**libraries, **_MORE}.items()):
        found = importlib.util.find_spec(_MODULES.get(library, library)) is not None
        if found:
            there.append(use)
        else:
            absent.append((use, library))
    named = ", ".join(there) or "none"
    if not absent:
        return Check("extras", "ok", named)
    lacking = ", ".join(f"{use} ({library})" for use, library in absent)
    # nothing is wrong with that: few need all of them
    return Check(
        "extras",
        "ok",
        f"{named}; not installed: {lacking}",
        how_to_add(*(library for _, library in absent)),
    )


def outside(directory: str) -> list[Check]:
    """Returns what can be said where no project is."""
    return [
        *programs(),
        extras(),
        *_user_config(),
        _no_project(directory),
    ]


def _no_project(directory: str) -> Check:
    if repository.find(directory) is None:
        return Check(
            "project",
            "note",
            f"{directory} is not in a git repository",
            "git init && mltrack init",
        )
    return Check(
        "project", "note", f"{directory} is not in an mltrack project", "mltrack init"
    )


def _user_config() -> list[Check]:
    path = user_config_path(os.environ)
    try:
        count = len(read_file(path, None).values)
        settings = load(None, None, os.environ, None)
    except (MltrackError, OSError) as error:
        hint = error.hint if isinstance(error, MltrackError) else ""
        return [Check("settings", "bad", str(error), hint)]
    is_there = os.path.exists(path)
    about = f"{count} in {path}" if is_there else f"none of your own ({path})"
    checks = [Check("settings", "ok", about)]
    place = os.path.expanduser(settings.text("cache.dir"))
    if not place:
        return [*checks, Check("cache", "ok", "in each project (cache.dir is not set)")]
    if not os.path.isdir(place):
        return [*checks, Check("cache", "ok", f"{place} (empty)")]
    free = shutil.disk_usage(place).free
    return [*checks, Check("cache", "ok", f"{place}, {free / 1e9:.1f} GB free")]
