"""A pager for what is longer than the terminal, as git has it."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress


@contextmanager
def paged() -> Iterator[None]:
    """Sends what is printed in a block to the person's pager, if that is more than their
    terminal shows at once; to any other place it goes as it is.
    """
    if not sys.stdout.isatty() or not _pager():
        yield
        return
    held = _Held(sys.stdout.encoding or "utf-8")
    with redirect_stdout(held):
        yield
    held.flush()
    data = held.data.getvalue()
    if data.count(b"\n") < os.get_terminal_size(sys.stdout.fileno()).lines:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    # -R: colours; -S: a table's lines are not wrapped; -F is for what we counted wrong
    settings = {**os.environ, "LESS": os.environ.get("LESS", "FRSX")}
    with suppress(BrokenPipeError, KeyboardInterrupt):
        subprocess.run(_pager(), shell=True, input=data, env=settings, check=False)


def _pager() -> str:
    """The program that the person pages with; '' for none."""
    if "PAGER" in os.environ:
        chosen = os.environ["PAGER"]
        return "" if chosen == "cat" else chosen
    return "less" if shutil.which("less") else ""


class _Held(io.TextIOWrapper):
    """What is printed, held back; it says of itself that it is a terminal, so that
    colours and widths stay those of one.
    """

    def __init__(self, encoding: str) -> None:
        self.data = io.BytesIO()
        super().__init__(self.data, encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        # whoever asks how wide it is asks about the terminal behind it
        return sys.__stdout__.fileno() if sys.__stdout__ is not None else 1
