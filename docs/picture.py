"""Draws docs/assets/session.svg, which the README shows: a session on the example of
digits, typed into a terminal and read off it with its colours; commands are set off.

usage: python docs/picture.py    (needs tmux, and what `make demo` needs)
"""

import io
import shutil
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text
from screens import ROOT, Terminal

COLUMNS = 92
PICTURE = ROOT / "docs/assets/session.svg"
# rich's own template names a font of another host
TEMPLATE = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>mltrack adds data, runs a pipeline, says why a stage runs, and compares metrics</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#1e1e1e"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def session(top: Path) -> str:
    """Returns the screen, with colours as the terminal's escapes."""
    terminal = Terminal(top, COLUMNS)
    try:
        terminal.type("mkdir digits && cd digits && git init -q && mltrack init -q")
        terminal.type(f"cp {ROOT}/examples/digits/*.py {ROOT}/examples/digits/*.yaml .")
        terminal.type("python export.py")
        terminal.forget()
        terminal.type("mltrack add data/images data/labels.csv")
        terminal.type("mltrack repro -q")
        terminal.type("git add --all && git commit -q -m 'First models' && git tag v1")
        terminal.type("sed -i 's/depth: 6/depth: 12/' params.yaml")
        terminal.type("mltrack why train_forest train_logistic")
        terminal.type("mltrack repro")
        terminal.type("mltrack metrics diff v1")
        return terminal.seen("-e")
    finally:
        terminal.end()


def draw(seen: str) -> str:
    """Returns the picture of what was seen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in seen.splitlines():
        text = Text.from_ansi(line)
        if line.startswith("$ "):
            text.stylize("bold cyan")
        console.print(text, soft_wrap=True)
    picture = console.export_svg(code_format=TEMPLATE, unique_id="session")
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def main() -> None:
    top = Path(tempfile.mkdtemp(prefix="pic"))
    try:
        PICTURE.write_text(draw(session(top)))
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
