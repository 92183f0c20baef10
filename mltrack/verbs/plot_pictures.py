"""Plots as PNG and SVG files. The one door to vl-convert."""

import base64
import os
import re
from collections.abc import Iterable
from itertools import chain, count
from typing import Any

from mltrack.errors import UsageError, how_to_add
from mltrack.verbs.plots import Plot


def pictures(plots: Iterable[Plot], directory: str, kind: str) -> list[str]:
    """Writes each plot as a picture, ``png`` or ``svg``, into a directory; returns the
    paths. Images are written as they are, one per revision.
    """
    os.makedirs(directory, exist_ok=True)
    written: list[str] = []
    for plot in plots:
        name = _file_name(plot.name)
        spec = plot.spec
        if spec is None:
            for image in plot.images:
                path = _free(directory, f"{_file_name(image.revision)}_{name}", written)
                _write(path, base64.b64decode(image.uri.partition(",")[2]))
                written.append(path)
            continue
        path = _free(directory, f"{name}.{kind}", written)
        library = _library()
        data = (
            library.vegalite_to_png(spec, scale=2)
            if kind == "png"
            else library.vegalite_to_svg(spec).encode()
        )
        _write(path, data)
        written.append(path)
    return written


def _free(directory: str, name: str, written: list[str]) -> str:
    """The path for a picture that none of these has: `a/b` and `a_b` are two plots."""
    # as lower case: some file systems take both for one
    taken = {path.lower() for path in written}
    stem, suffix = os.path.splitext(name)
    names = chain([name], (f"{stem}-{number}{suffix}" for number in count(2)))
    paths = (os.path.join(directory, one) for one in names)
    return next(path for path in paths if path.lower() not in taken)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _library() -> Any:
    try:
        import vl_convert  # noqa: PLC0415 - 40 MB, an extra
    except ImportError:
        raise UsageError(
            "pictures need a library that is not installed",
            hint=f"{how_to_add('vl-convert-python')}; the page needs none",
        ) from None
    return vl_convert
