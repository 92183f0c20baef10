"""Settings and where each value came from: defaults < user < project < local <
environment.

The committed ``config.toml`` comes with a clone, so it may not name programs or places
of this machine: such keys are refused there and read from the user's own config and
``config.local.toml`` only.
"""

import os
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from mltrack.config import schema
from mltrack.config.schema import Level
from mltrack.disk.durable import read_bounded
from mltrack.engine.remember import Remembered
from mltrack.errors import ConfigError
from mltrack.formats.remote_url import SECRET_WORDS

# bytes: no person sets as much; a config comes with a clone
MAX_BYTES = 1 << 20
FILE_NAME = "config.toml"
LOCAL_NAME = "config.local.toml"


class Value(NamedTuple):
    """One value and where it stands: a file, a variable, or 'default'."""

    value: Any
    level: Level
    origin: str


class Settings:
    """All settings of a project, each with its origin."""

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values

    def get(self, key: str) -> Any:
        setting = schema.find(key)
        found = self._values.get(key)
        return found.value if found is not None else setting.default

    def text(self, key: str) -> str:
        return str(self.get(key))

    def number(self, key: str) -> int:
        return int(self.get(key))

    def origin(self, key: str) -> Value:
        schema.find(key)
        return self._values.get(key) or Value(
            schema.find(key).default, "default", "default"
        )

    def all(self) -> dict[str, Value]:
        """Returns every key with a value, defaults included, sorted."""
        keys = {*schema.BY_KEY, *self._values}
        return {key: self.origin(key) for key in sorted(keys)}

    def remote(self, name: str) -> dict[str, Any]:
        """Returns what is set for a remote, by the last part of its keys."""
        prefix = f"remote.{name}."
        return {
            key[len(prefix) :]: value.value
            for key, value in self._values.items()
            if key.startswith(prefix)
        }

    def outside(self, name: str) -> str:
        """Returns where on this machine a place outside the project is, '' if nobody
        has said so.
        """
        value = self._values.get(f"outside.{name}")
        return str(value.value) if value is not None else ""

    def runner(self, name: str) -> dict[str, Any]:
        """Returns what is set for a runner, by the last part of its keys."""
        prefix = f"runner.{name}."
        return {
            key[len(prefix) :]: value.value
            for key, value in self._values.items()
            if key.startswith(prefix)
        }

    def runners(self) -> list[str]:
        """Returns the names of all runners that something is set for."""
        return sorted(
            {key.split(".")[1] for key in self._values if key.startswith("runner.")}
        )

    def repositories(self) -> dict[str, str]:
        """Returns the place of each repository that has a name here."""
        return {
            key.split(".")[1]: str(value.value)
            for key, value in self._values.items()
            if key.startswith("repo.")
        }

    def remotes(self) -> dict[str, str]:
        """Returns the URL of each remote by name."""
        parts = (
            (key.split("."), value)
            for key, value in self._values.items()
            if key.startswith("remote.")
        )
        return {
            name: str(value.value)
            for (_, name, field), value in parts
            if field == "url"
        }


# where it matches, the text is parsed each time and kept nowhere else
_MAY_BE_SECRET = re.compile(
    b"|".join(word.encode() for word in SECRET_WORDS) + rb"|://[^/\s\"]*@|[?&]"
)


def user_config_path(environment: Mapping[str, str]) -> str:
    """Returns where the user's own config stands, by the platform's custom. A link
    there is followed: it is the user's own, who keeps such files elsewhere.
    """
    if environment.get("XDG_CONFIG_HOME"):
        place = os.path.join(environment["XDG_CONFIG_HOME"], "mltrack")
    elif sys.platform == "linux" and environment.get("HOME"):
        # what platformdirs says, 5 ms sooner
        place = os.path.join(environment["HOME"], ".config", "mltrack")
    else:
        from platformdirs import user_config_dir  # noqa: PLC0415

        place = user_config_dir("mltrack")
    return os.path.realpath(os.path.join(place, FILE_NAME))


def user_cache_path(environment: Mapping[str, str]) -> str:
    """Returns where the user keeps what can be made again, by the platform's custom."""
    if environment.get("XDG_CACHE_HOME"):
        return os.path.join(environment["XDG_CACHE_HOME"], "mltrack")
    if sys.platform == "linux" and environment.get("HOME"):
        return os.path.join(environment["HOME"], ".cache", "mltrack")
    from platformdirs import user_cache_dir  # noqa: PLC0415

    return user_cache_dir("mltrack")


def load(
    project_config: str | None,
    local_config: str | None,
    environment: Mapping[str, str],
    remembered: Remembered | None,
) -> Settings:
    """Returns the settings from these files, as far as they exist, and from
    ``MLTRACK_SECTION_KEY`` variables.
    """
    values: dict[str, Value] = {}
    levels: tuple[tuple[Level, str | None], ...] = (
        ("user", user_config_path(environment)),
        ("project", project_config),
        ("local", local_config),
    )
    for level, path in levels:
        if path is not None:
            stated = read_file(path, remembered)
            for key, value in stated.values.items():
                if level == "project" and key in stated.private:
                    # a log of CI keeps what an error says
                    said = "…" if schema.find(key).secret else value
                    raise ConfigError(
                        f"{path}: {key} is not allowed in the committed config: a "
                        "clone would bring it to other machines",
                        hint=f"mltrack config --local {key} {said}",
                    )
                # an archive brings its local config along: it may not trust itself
                if level == "local" and key == "trust.places":
                    raise ConfigError(
                        f"{path}: {key} is read from your own config only",
                        hint="mltrack remote trust NAME",
                    )
                values[key] = Value(value, level, path)
    for key, setting in schema.BY_KEY.items():
        variable = "MLTRACK_" + key.replace(".", "_").upper()
        # no variable changes a project's digests: they are never mixed
        if variable in environment and setting.key != "core.hash":
            values[key] = Value(
                schema.parse(key, environment[variable], variable),
                "environment",
                variable,
            )
    return Settings(values)


class Stated(NamedTuple):
    """What one config file says: its checked values by dotted key, and which of these
    may not stand in a committed file.
    """

    values: dict[str, Any]
    private: list[str]


def read_file(path: str, remembered: Remembered | None) -> Stated:
    """Returns what one config file says; nothing if the file does not exist. Raises
    ConfigError for a value that may not stand.

    It is ``remembered``, parsed and checked, only where it names no secret: those lie
    in one place.
    """
    data = read_bounded(path, MAX_BYTES)
    # missing or empty: no parser is loaded for it
    if data is None or not data.strip():
        return Stated({}, [])
    is_plain = remembered is not None and _MAY_BE_SECRET.search(data) is None
    return Stated(
        *(
            remembered.load(data, path, _stated)
            if remembered is not None and is_plain
            else _stated(data, path)
        )
    )


def parse(data: bytes, where: str) -> dict[str, Any]:
    """Returns the checked values of a config file's text by dotted key."""
    return _stated(data, where).values


def _stated(data: bytes, path: str) -> Stated:
    values = {
        key: schema.check(key, value, path)
        for key, value in _flatten(_parse(data, path)).items()
    }
    return Stated(values, [key for key in values if schema.find(key).private])


def _parse(data: bytes, path: str) -> Any:
    import tomllib  # noqa: PLC0415 - 5 ms, for nothing where the text is remembered

    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # a clone may bring tables that are nested without end
        raise ConfigError(
            f"{path}: not valid TOML: {error}",
            hint="correct the file; `git diff` shows what changed",
        ) from None


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            result.update(_flatten(value, name + "."))
        else:
            result[name] = value
    return result
