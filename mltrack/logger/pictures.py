"""A picture as a file, whatever it is given as."""

from __future__ import annotations

import io
import os
import shutil
from typing import Any

from .files import aside_of, replace
from .png import png

_KINDS = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")


def write(path: str, image: Any) -> str:
    """Writes an image to ``path``, which gets its ending, and returns where it is."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(image, (str, os.PathLike)):
        return _copied(path, os.fspath(image))
    target = path + ".png"
    buffer = io.BytesIO()
    if hasattr(image, "savefig"):  # a figure of matplotlib
        image.savefig(buffer, format="png")
    elif hasattr(image, "save") and hasattr(image, "mode"):  # an image of Pillow
        image.save(buffer, format="PNG")
    else:
        buffer.write(png(image))
    replace(target, buffer.getvalue())
    return target


def _copied(path: str, source: str) -> str:
    ending = os.path.splitext(source)[1].lower()
    if ending not in _KINDS:
        raise ValueError(f"{source}: an image ends with {', '.join(_KINDS)}")
    aside = aside_of(path + ending)
    shutil.copyfile(source, aside)
    os.replace(aside, path + ending)
    return path + ending
