"""Directories in which names that differ in case only are one name: those of macOS and
Windows by default, and of most cards and sticks.
"""

import os
from contextlib import suppress
from functools import cache


def folds(path: str) -> bool:
    """Returns whether the directory that stands at ``path``, or nearest above it, takes
    a name in another case for the same name. Nothing is written for that; where no name
    has letters, or the directory cannot be looked at, the answer is no.
    """
    while not os.path.isdir(path):
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above
    return _folds(path)


# a checkout asks for each of its targets, and most of them lie side by side
@cache
def _folds(directory: str) -> bool:
    with suppress(OSError):
        with os.scandir(directory) as entries:
            # its own entries first: a directory may fold where the one above does not
            name = next((e.name for e in entries if _other(e.name) != e.name), "")
        if name:
            return _answers_to(directory, name)
        above, name = os.path.split(directory)
        return _answers_to(above, name)
    return False


def _answers_to(directory: str, name: str) -> bool:
    other = _other(name)
    with suppress(OSError):
        os.lstat(os.path.join(directory, other))
        # else it is a file of that name. That both are one file cannot be asked: FUSE
        # may give each name a number of its own
        return other not in os.listdir(directory)
    return False


def _other(name: str) -> str:
    # of ASCII alone: what else a file system folds differs from one to the next
    return "".join(one.swapcase() if one.isascii() else one for one in name)
