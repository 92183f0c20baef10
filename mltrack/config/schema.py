"""Every setting, declared once: its type, default, where it may stand, and one sentence. The docs are made from this."""

import difflib
import re
from typing import Any, Literal, NamedTuple

from mltrack.errors import ConfigError

Level = Literal["default", "user", "project", "local", "environment"]


class Setting(NamedTuple):
    """One key. ``private`` ones name places or programs: the committed config may not set them."""

    key: str
    type: type
    default: Any
    about: str
    private: bool = False
    choices: tuple[str, ...] = ()


LINK_MODES = ("reflink", "copy", "hardlink", "symlink")
SETTINGS = (
    Setting("core.hash", str, "xxh3", "Digest algorithm; set by `init --hash`, never changed.", choices=("xxh3", "blake3")),
    Setting("core.remote", str, "", "The remote that push, fetch and pull use when none is named."),
    Setting("core.shell", str, "/bin/sh", "The shell that runs a stage's command with `-c`; part of the run key.", private=True),
    Setting("core.jobs", int, 4, "How many transfers run at once."),
    Setting("cache.dir", str, "", "Where the cache lies, instead of `.mltrack/cache`.", private=True),
    Setting("cache.link", list, ["reflink", "copy"], "How files leave the cache, first usable first.", choices=LINK_MODES),
    Setting("cache.runs_days", int, 90, "Run records younger than this keep their outputs from `gc`."),
    Setting("gc.grace_days", int, 14, "Objects younger than this are never deleted by `gc`."),
    Setting("hooks.checkout", bool, default=True, about="Whether git's checkout, merge and rebase bring the data along."),
)  # fmt: skip
BY_KEY = {setting.key: setting for setting in SETTINGS}
_REMOTE_KEY = re.compile(r"remote\.([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([a-z_]+)\Z")
_REMOTE = {
    "url": Setting(
        "remote.NAME.url", str, "", "Where the remote is: a directory; a relative one starts at the project."
    )
}


def find(key: str) -> Setting:
    """Returns the setting of a key; raises ConfigError with the nearest one if there is none."""
    if key in BY_KEY:
        return BY_KEY[key]
    match = _REMOTE_KEY.match(key)
    if match is not None and match[2] in _REMOTE:
        return _REMOTE[match[2]]
    known = [*BY_KEY, *(setting.key for setting in _REMOTE.values())]
    close = difflib.get_close_matches(key, known, n=1)
    raise ConfigError(f"unknown setting {key!r}", hint=f"did you mean {close[0]!r}?" if close else "mltrack config")


def check(key: str, value: Any, where: str) -> Any:
    """Returns ``value`` if it may stand at ``key``; raises ConfigError naming ``where``."""
    setting = find(key)
    if type(value) is not setting.type:
        raise ConfigError(f"{where}: {key} must be {_named(setting)}, not {value!r}")
    if isinstance(value, int) and value < 0:
        raise ConfigError(f"{where}: {key} must not be negative")
    for item in value if isinstance(value, list) else [value]:
        if setting.choices and item not in setting.choices:
            raise ConfigError(f"{where}: {key} must be of {', '.join(setting.choices)}, not {item!r}")
    if isinstance(value, str) and (any(ord(char) < 32 for char in value) or value.startswith("-")):
        raise ConfigError(f"{where}: {key} holds control characters or starts with '-'")
    return value


def parse(key: str, text: str, where: str) -> Any:
    """Returns the value that a person or the environment wrote as text."""
    setting = find(key)
    if setting.type is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ConfigError(f"{where}: {key} must be true or false, not {text!r}")
        return text.lower() in ("true", "1")
    if setting.type is int:
        if not text.isdigit():
            raise ConfigError(f"{where}: {key} must be a whole number, not {text!r}")
        return int(text)
    value = [item.strip() for item in text.split(",")] if setting.type is list else text
    return check(key, value, where)


def _named(setting: Setting) -> str:
    return {str: "text", int: "a whole number", bool: "true or false", list: "a list"}[setting.type]
