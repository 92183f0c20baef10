"""One command as a process group: started, watched, ended with all that it started."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from mltrack.disk.abilities import Ability, has


class Process:
    """A running command. The descriptor ``ended`` becomes readable when it ends;
    :meth:`reap` then returns its exit code.
    """

    def __init__(
        self,
        arguments: list[str],
        directory: str,
        environment: Mapping[str, str],
        output: int,
        inherited: Sequence[int] = (),
    ) -> None:
        """Starts it; raises OSError if that cannot be done. ``inherited`` are
        descriptors that it keeps open, and with them the locks on what they lead to.
        """
        # before it starts: only kills from here on can have been of this one
        _Kills.note()
        self.peak_memory = 0
        self.out_of_memory = False
        with interrupts_deferred():
            self._process = subprocess.Popen(
                arguments,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # a group can be ended whole; and Ctrl-C is ours to pass on
                start_new_session=True,
                pass_fds=inherited,
            )
            self.pid = self._process.pid
            self.ended = (
                # unlike its number, never another process's
                os.pidfd_open(self.pid) if has(Ability.PIDFD) else _end_of(self.pid)
            )

    def reap(self) -> int:
        """Waits for its end and returns the exit code, negative for a signal."""
        if self.ended >= 0:
            # unlike Popen.wait it tells how much memory was used
            _, status, usage = os.wait4(self.pid, 0)
            # else Popen would wait for it once more
            self._process.returncode = os.waitstatus_to_exitcode(status)
            os.close(self.ended)
            self.ended = -1
            # getrusage(2): Linux counts it in KiB, macOS in bytes
            unit = 1 if sys.platform == "darwin" else 1024
            self.peak_memory = usage.ru_maxrss * unit
            # of a child that was killed the shell gives 128 + 9
            killed = self._process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
            self.out_of_memory = killed and _Kills.another()
        return int(self._process.returncode)

    def signal(self, number: int) -> None:
        """Sends a signal to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _end_of(pid: int) -> int:
    """Returns a descriptor that becomes readable when a child ends, which is left to be
    waited for.
    """
    ended, open_until_then = os.pipe()

    def wait() -> None:
        # one that was waited for meanwhile has ended too
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(open_until_then)

    threading.Thread(target=wait, daemon=True).start()
    return ended


class _Kills:
    """Whether the kernel killed a process since the last look because memory ran out;
    asked only where one was killed.
    """

    seen = -1

    @classmethod
    def note(cls) -> None:
        if cls.seen < 0:
            cls.seen = kernel_kills()

    @classmethod
    def another(cls) -> bool:
        before, cls.seen = cls.seen, kernel_kills()
        return cls.seen > before


def kernel_kills() -> int:
    """Returns how many processes the kernel has killed since it started because memory
    ran out.
    """
    if not has(Ability.PROC):
        return 0
    with suppress(OSError, ValueError), open("/proc/vmstat", encoding="ascii") as file:
        for line in file:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def is_readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Returns whether there is something to read, or the other side has gone; waits for
    it up to ``seconds``. Unlike ``select`` it takes descriptors of any number.
    """
    watched = select.poll()
    watched.register(descriptor, select.POLLIN)
    return bool(watched.poll(max(0.0, seconds) * 1000))


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Keeps an interrupt from coming between the start of a process and our knowing of
    it; it comes right after.
    """
    # only the first thread may set handlers, and only it is interrupted
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: caught.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
