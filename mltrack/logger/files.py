"""How what is logged reaches the disk: names as paths, single appends, replacing."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from contextlib import suppress

_APPEND = os.O_WRONLY | os.O_APPEND


def path_of(name: str) -> str:
    """Returns a name as a relative path; raises ValueError for one that is none: slashes
    make directories, and nothing leads out of them.
    """
    parts = name.split("/") if isinstance(name, str) else []
    if not parts or any(
        # a leading dot would hide it, and '..' lead out
        not part or part.startswith(".") or "\0" in part or "\\" in part
        for part in parts
    ):
        raise ValueError(
            f"{name!r} cannot be the name of something logged: expected words like "
            "'loss' or 'val/loss'"
        )
    return name


def aside_of(path: str) -> str:
    """Returns where a file is written before it gets its name: nobody else's."""
    return f"{path}.{os.getpid()}-{threading.get_ident()}.new"


def open_to_append(path: str, header: bytes) -> int:
    """Returns the descriptor of a file that is appended to; where it is new it begins
    with ``header``, whoever else is about to create it.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _make_private(path)
    with suppress(FileNotFoundError):
        return os.open(path, _APPEND)
    if not header:
        return os.open(path, _APPEND | os.O_CREAT, 0o666)
    # written aside and linked: nobody sees the file without its header
    aside = aside_of(path)
    write_file(aside, header)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError:
        # a file system without hard links: whoever comes first, nearly always
        with suppress(FileExistsError), open(path, "xb") as file:
            file.write(header)
    finally:
        os.unlink(aside)
    return os.open(path, _APPEND)


def append(descriptor: int, data: bytes) -> None:
    """Appends by one write, which others' appends cannot get into; raises OSError where
    not all of it could be written.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        # the disk is full, as a rule: the second write says so
        written += os.write(descriptor, data[written:])


def replace(path: str, data: bytes) -> None:
    """Gives a file new bytes: whoever reads it sees the old ones or the new ones."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    aside = aside_of(path)
    try:
        write_file(aside, data)
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise


def write_file(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _make_private(path: str) -> None:
    """Copies a file that has other names: appending to it would change those too."""
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(state.st_mode) or state.st_nlink > 1:
        aside = aside_of(path)
        shutil.copyfile(path, aside)
        os.replace(aside, path)
