"""How busy the machine is, sampled into series: processors, memory, disk, network, GPUs.

The step of a sample is the time since the first one, in seconds. Read from /proc, so on
Linux; elsewhere only the GPUs are seen.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import Iterator, Mapping

from .nvml import Gpus
from .series import Series

# bytes: what /proc/diskstats counts in, whatever the disk's own sectors are
_SECTOR = 512
_WHOLE = ("ram", "loop", "dm-", "md", "zram", "sr")
"""Block devices that are no disks, or lie on disks that are counted."""
_PERCENT = 100.0


class Monitor:
    """Samples into the series below ``directory``, every so many seconds, when it is
    looked at. Moments are of the monotonic clock.
    """

    def __init__(
        self, directory: str, every: float, environment: Mapping[str, str]
    ) -> None:
        self._series = Series(directory)
        self._every = every
        self._gpus = Gpus(environment)
        self._began = -1.0
        self._last: dict[str, float] = {}
        self._last_moment = 0.0
        self.next_moment = 0.0

    def look(self, moment: float) -> None:
        """Takes a sample, if one is due."""
        if moment < self.next_moment:
            return
        if self._began < 0:
            self._began = moment
            # the first look: rates need two
            self._last, self._last_moment = _counters(), moment
            self.next_moment = moment + self._every
            return
        counters = _counters()
        sample = {
            **_rates(self._last, counters, moment - self._last_moment),
            **_memory(),
            **self._gpus.readings(),
        }
        self._last, self._last_moment = counters, moment
        # by the beat of the first one, however late this one was
        beats = int((moment - self._began) / self._every)
        step = round(beats * self._every, 3)
        self.next_moment = self._began + (beats + 1) * self._every
        for name, value in sample.items():
            self._series.add(name, int(step) if step == int(step) else step, value)

    def close(self) -> None:
        self._series.close()


def start(directory: str, every: float) -> None:
    """Samples beside the program until it ends; once, however often it is asked."""
    if directory in _started:
        return
    _started.append(directory)
    monitor = Monitor(directory, every, os.environ)

    def run() -> None:
        # a full disk ends it, and not the program
        with suppress(OSError):
            while True:
                moment = time.monotonic()
                monitor.look(moment)
                time.sleep(max(0.0, monitor.next_moment - moment))

    threading.Thread(target=run, name="mltrack-monitor", daemon=True).start()


_started: list[str] = []


def _rates(
    before: Mapping[str, float], after: Mapping[str, float], seconds: float
) -> dict[str, float]:
    """What the counters say of the time between: percent of all processors, and bytes
    per second.
    """
    gone = {name: value - before.get(name, value) for name, value in after.items()}
    found: dict[str, float] = {}
    total, idle = gone.pop("total", 0.0), gone.pop("idle", 0.0)
    if total > 0:
        found["cpu"] = round(_PERCENT * (total - idle) / total, 1)
    for name, value in gone.items():
        # a counter that was begun anew says nothing
        if seconds > 0 and value >= 0:
            found[name] = round(value / seconds)
    return found


def _counters() -> dict[str, float]:
    found: dict[str, float] = {}
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/stat", "rb") as file:
            # the first line is of all processors: user nice system idle iowait …
            ticks = [int(word) for word in file.readline().split()[1:9]]
        found["total"], found["idle"] = float(sum(ticks)), float(ticks[3] + ticks[4])
    for name, value in (*_disks(), *_networks()):
        found[name] = found.get(name, 0.0) + value
    return found


def _disks() -> Iterator[tuple[str, float]]:
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/diskstats", encoding="ascii", errors="replace") as file:
            lines = file.readlines()
        previous = "\0"
        for line in lines:
            words = line.split()
            name = words[2]
            # a partition follows its disk, and has its name and a number
            if name.startswith(_WHOLE) or name.startswith(previous):
                continue
            previous = name
            yield "disk_read", float(int(words[5]) * _SECTOR)
            yield "disk_written", float(int(words[9]) * _SECTOR)


def _networks() -> Iterator[tuple[str, float]]:
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/net/dev", encoding="ascii", errors="replace") as file:
            lines = file.readlines()[2:]
        for line in lines:
            name, _, rest = line.partition(":")
            if name.strip() != "lo":
                words = rest.split()
                yield "network_received", float(words[0])
                yield "network_sent", float(words[8])


def _memory() -> dict[str, float]:
    with suppress(OSError, ValueError, KeyError):
        with open("/proc/meminfo", encoding="ascii", errors="replace") as file:
            kib = {
                name: int(rest.split()[0])
                for name, _, rest in (line.partition(":") for line in file)
            }
        return {"memory": float((kib["MemTotal"] - kib["MemAvailable"]) * 1024)}
    return {}
