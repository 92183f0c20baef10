"""Plots as files: one HTML page that opens offline, or PNG and SVG pictures. The one
door to vl-convert.
"""

import base64
import html
import json
import os
import re
from collections.abc import Iterable
from itertools import chain, count
from typing import Any

from mltrack.errors import UsageError, how_to_add
from mltrack.verbs.plots import Plot

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }}
main {{ display: flex; flex-wrap: wrap; gap: 2em; align-items: flex-start }}
figure {{ margin: 0 }}
figcaption {{ margin: .3em 0; font-weight: 600 }}
figure img {{ max-width: 420px; height: auto; display: block }}
figure div.revisions {{ display: flex; gap: 1em; flex-wrap: wrap }}
</style>
<script>{bundle}</script>
</head>
<body>
<h1>{title}</h1>
<main>
{figures}
</main>
</body>
</html>
"""


def page(plots: list[Plot], title: str) -> str:
    """Returns the page: everything that it needs is in it."""
    charts = [plot for plot in plots if plot.spec is not None]
    bundle = _library().javascript_bundle() if charts else ""
    figures = []
    for number, plot in enumerate(plots):
        if plot.spec is None:
            images = "".join(
                f'<div><img alt="" src="{image.uri}"><figcaption>{html.escape(image.revision)}</figcaption></div>'
                for image in plot.images
            )
            body = f'<figcaption>{html.escape(plot.name)}</figcaption><div class="revisions">{images}</div>'
        else:
            # nothing in the data may end the script that it stands in
            spec = json.dumps(plot.spec).replace("</", "<\\/").replace("<!--", "<\\!--")
            call = f'vegaEmbed("#plot{number}", {spec}, {{"actions": true}})'
            body = f'<div id="plot{number}"></div><script>{call}</script>'
        figures.append(f"<figure>{body}</figure>")
    return _PAGE.format(
        title=html.escape(title),
        bundle=bundle.replace("</script", "<\\/script"),
        figures="\n".join(figures),
    )


def pictures(plots: Iterable[Plot], directory: str, kind: str) -> list[str]:
    """Writes each plot as a picture, ``png`` or ``svg``, into a directory; returns the
    paths. Images are written as they are, one per revision.
    """
    os.makedirs(directory, exist_ok=True)
    written: list[str] = []
    for plot in plots:
        name = _file_name(plot.name)
        if plot.spec is None:
            for image in plot.images:
                path = _free(directory, f"{_file_name(image.revision)}_{name}", written)
                _write(path, base64.b64decode(image.uri.partition(",")[2]))
                written.append(path)
            continue
        path = _free(directory, f"{name}.{kind}", written)
        library = _library()
        data = (
            library.vegalite_to_png(plot.spec, scale=2)
            if kind == "png"
            else library.vegalite_to_svg(plot.spec).encode()
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
            "drawing needs a library that is not installed",
            hint=f"{how_to_add('vl-convert-python')}; --json needs none",
        ) from None
    return vl_convert
