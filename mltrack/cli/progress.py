"""How far a command is, for whatever hashes or moves bytes for more than half a second:
one line on a terminal that passes, a line now and then anywhere else.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from mltrack.cli.invocation import current, printable
from mltrack.cli.render import size_text
from mltrack.cli.screen import screen
from mltrack.events import Progress, meter

_DELAY_SECONDS = 0.5
_STEP_SECONDS = 0.1
# a log is read afterwards: it only has to show that something happens
_LOG_SECONDS = 30.0
# systems that run tests end what prints nothing for ten minutes
_CI_SECONDS = 300.0
# long enough for a rate that can be read, short enough to follow a change
_RATE_SECONDS = 5.0
_HASHING = "hashing"
_MOST_COLUMNS = 100


class Extent(NamedTuple):
    """How much there is to do; 0 where nobody knows."""

    files: int = 0
    bytes: int = 0


class ProgressLine:
    """Follows a command: the counts that it is given, and the bytes that the process
    hashes and moves. Use it as a context manager; the line is gone afterwards.
    ``paths`` are what is going to be read: all of it is counted, meanwhile, should it
    take long.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._what = _HASHING
        self._done = 0
        self._extent = Extent()
        self._files_before = self._bytes_before = 0
        self._paths = tuple(paths)
        self._began = time.monotonic()
        self._samples: deque[tuple[float, int]] = deque()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._shows = current.shows_progress

    def __enter__(self) -> "ProgressLine":
        if self._shows:
            meter.is_watched = True
            self._note_begin()
            self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        screen.clear()
        meter.is_watched = False

    def event(self, progress: Progress) -> None:
        """Takes the counts of a transfer."""
        self._begin(progress.what)
        self._done = progress.done
        self._extent = Extent(progress.total, progress.total_bytes)

    def update(self, what: str, done: int, total: int = 0) -> None:
        """Takes a count of files; ``what`` is a path where they are written to one."""
        self._begin(what if what in (_HASHING, "files") else f"writing {what}")
        self._done = done
        if total:
            self._extent = Extent(total)

    def _begin(self, what: str) -> None:
        """Starts to count anew where another part of the work begins."""
        what = _HASHING if what == "files" else what
        if what != self._what:
            self._what, self._extent = what, Extent()
            self._note_begin()
            self._samples.clear()

    def _note_begin(self) -> None:
        self._files_before, self._bytes_before = meter.files, self._bytes()
        self._began = time.monotonic()

    def _bytes(self) -> int:
        return meter.hashed if self._what == _HASHING else meter.moved

    def _follow(self) -> None:
        is_terminal = sys.stderr.isatty()
        pause = _CI_SECONDS if os.environ.get("CI") else _LOG_SECONDS
        if self._over.wait(_DELAY_SECONDS if is_terminal else pause):
            return
        if self._paths:
            threading.Thread(target=self._count, daemon=True).start()
        step = _STEP_SECONDS if is_terminal else pause
        while True:
            if is_terminal:
                screen.draw(self._text()[:_MOST_COLUMNS])
            else:
                screen.write(sys.stderr, self._text() + "\n")
                sys.stderr.flush()
            if self._over.wait(step):
                return

    def _count(self) -> None:
        """Counts the files and bytes of the paths. What is ignored is counted too: it
        is an estimate, and it does not hold up the work.
        """
        files = size = 0
        pending = list(self._paths)
        while pending and not self._over.is_set():
            path = pending.pop()
            try:
                if not os.path.isdir(path):
                    files, size = files + 1, size + os.lstat(path).st_size
                    continue
                with os.scandir(path) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        else:
                            files += 1
                            size += entry.stat(follow_symlinks=False).st_size
            except OSError:
                # whoever reads it says what is wrong
                continue
        if self._what == _HASHING and not self._over.is_set():
            self._extent = Extent(files, size)

    def _text(self) -> str:
        if meter.told:
            taken = clock(time.monotonic() - self._began)
            return printable(f"git: {meter.told}  {taken}")
        done, moment = max(0, self._bytes() - self._bytes_before), time.monotonic()
        self._samples.append((moment, done))
        while self._samples[0][0] < moment - _RATE_SECONDS:
            self._samples.popleft()
        if self._what == _HASHING:
            self._done = meter.files - self._files_before
        rate = self._rate(moment, done)
        parts = [self._what]
        if self._done or self._extent.files:
            whole = f"/{self._extent.files:,}" if self._extent.files else ""
            noun = "file" if not whole and self._done == 1 else "files"
            parts.append(f"{self._done:,}{whole} {noun}")
        if done or self._extent.bytes:
            whole = f"/{size_text(self._extent.bytes)}" if self._extent.bytes else ""
            parts.append(f"{size_text(done)}{whole}")
        share = self._share(done)
        if share is not None:
            parts.append(f"{share:.0%}")
        if rate:
            parts.append(f"{size_text(rate)}/s")
        parts.append(self._remaining(share, moment))
        return printable("  ".join(parts))

    def _rate(self, moment: float, done: int) -> float:
        began, before = self._samples[0]
        if moment - began < _STEP_SECONDS:
            began, before = self._began, 0
        return (done - before) / max(moment - began, 1e-6)

    def _share(self, done: int) -> float | None:
        """How much of it is done: by bytes where all of them are known, else by files."""
        if self._extent.bytes:
            return min(1.0, done / self._extent.bytes)
        if self._extent.files:
            return min(1.0, self._done / self._extent.files)
        return None

    def _remaining(self, share: float | None, moment: float) -> str:
        """What is left at the speed so far, else how long it has taken."""
        taken = moment - self._began
        if not share or taken < 1.0:
            return clock(taken)
        return f"{clock(taken / share - taken)} left"


def clock(seconds: float) -> str:
    """Returns a length of time as a clock shows it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
