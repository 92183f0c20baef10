"""Writing config files: the one door to tomlkit, which keeps comments and order, and is
loaded when the first of them is written.
"""

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mltrack.config import schema
from mltrack.config.settings import FILE_NAME, MAX_BYTES
from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import ConfigError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def set_value(path: str, key: str, value: Any) -> None:
    """Sets one key in a config file, which is created if need be."""
    # before the file is read: what may not stand there is never written
    schema.check(key, value, path)
    document = _read(path)
    table: Any = document
    *sections, name = key.split(".")
    for section in sections:
        if section not in table:
            # `[remote.store]` needs no `[remote]` above it
            table[section] = _tomlkit().table(is_super_table=section != sections[-1])
        table = table[section]
    table[name] = value
    _write(path, document)


def unset(path: str, key: str) -> bool:
    """Removes a key, or a whole section; returns whether it was there."""
    document = _read(path)
    table: Any = document
    *sections, name = key.split(".")
    for section in sections:
        if section not in table:
            return False
        table = table[section]
    if name not in table:
        return False
    del table[name]
    _write(path, document)
    return True


def _tomlkit() -> ModuleType:
    import tomlkit  # noqa: PLC0415 - see above

    return tomlkit


def _read(path: str) -> "TOMLDocument":
    tomlkit = _tomlkit()
    try:
        document: TOMLDocument = tomlkit.parse(
            (read_bounded(path, MAX_BYTES) or b"").decode("utf-8")
        )
    except (tomlkit.exceptions.TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return document


def _write(path: str, document: "TOMLDocument") -> None:
    make_directories(os.path.dirname(path))
    # what is not committed may hold secrets: nobody else reads it
    is_committed = path.endswith(os.path.join(".mltrack", FILE_NAME))
    mode = 0o644 if is_committed else 0o600
    write_atomic(path, _tomlkit().dumps(document).encode(), mode=mode)
