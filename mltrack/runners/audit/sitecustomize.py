"""Notes which files a Python program opens. Python runs this at start-up, before the
program.

It stands first on PYTHONPATH, does its work, and hands over to the ``sitecustomize``
that would have run without it. It must run on every Python that users have, so it is
written for 3.8, and it must never fail or slow down a program: the hook only gathers,
and what it gathered is written as it is, to be made sense of by whoever reads the
trace.

A trace is a sequence of fields, each ended by a NUL: ``c`` and the current directory,
``x`` and a place of the interpreter, ``o`` and a number, followed by as many paths that
were opened. For reading or for writing is not noted: it would double the cost, and the
files themselves show it.
"""

import atexit
import os
import sys


class _Noted:
    """What was opened since the last flush."""

    def __init__(self, target):
        self.paths = set()
        self._target = target
        self._cwd = os.getcwd()
        self._prefixes = [
            "x" + os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)
        ]
        # a program may replace these
        self._open, self._write, self._close, self._decode = (
            os.open,
            os.write,
            os.close,
            os.fsdecode,
        )

    def flush(self):
        # a copy: other threads may be opening files
        found = [
            path if path.__class__ is str else self._text(path)
            for path in list(self.paths)
        ]
        self.paths.clear()
        if not found:
            return
        fields = ["c" + self._cwd, *self._prefixes, "o" + str(len(found)), *found]
        try:
            # one append at a time: all processes of a job share the file
            descriptor = self._open(
                self._target,
                os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW,
                0o600,
            )
            try:
                self._write(
                    descriptor,
                    ("\0".join(fields) + "\0").encode("utf-8", "surrogateescape"),
                )
            finally:
                self._close(descriptor)
        except Exception:  # tracing is worth a warning, never a program
            pass

    def _text(self, path):
        try:
            return self._decode(path)
        except Exception:  # a descriptor
            return ""

    def _path_of(self, descriptor):
        import fcntl  # noqa: PLC0415 - most programs never come by

        if hasattr(fcntl, "F_GETPATH"):  # macOS, which has no proc(5)
            found = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
            return os.fsdecode(found.rstrip(b"\0"))
        return os.path.realpath(f"/proc/self/fd/{descriptor}")

    def move(self, directory):
        self.flush()
        try:
            if directory.__class__ is int:
                self._cwd = self._path_of(directory)
            else:
                self._cwd = os.path.normpath(
                    os.path.join(self._cwd, self._decode(directory))
                )
        except Exception:
            # what cannot be told: relative paths are then noted below the last one
            pass


def _install():
    target = os.environ.get("MLTRACK_TRACE_FILE")
    if not target or not hasattr(sys, "addaudithook"):
        return
    noted = _Noted(target)
    note = noted.paths.add

    def hook(event, args):
        # compared first: this runs at each event, and most are none of ours
        if event == "open":
            try:
                note(args[0])
            except TypeError:
                # an object that stands for a path, and cannot be in a set
                pass
        elif event == "os.chdir":
            noted.move(args[0])
        elif event == "os.exec":
            # a program that is replaced runs no atexit
            noted.flush()

    # workers of multiprocessing leave by it, and atexit does not run
    leave = os._exit

    def exit_(status):
        noted.flush()
        leave(status)

    sys.addaudithook(hook)
    atexit.register(noted.flush)
    os._exit = exit_
    # else the child would note again what its parent had opened
    os.register_at_fork(before=noted.flush)


def _hand_over():
    """Runs the ``sitecustomize`` that this one stands before, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != here]
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401, PLC0415
    except ImportError as error:
        # the import of this module ends with a look for it there
        sys.modules["sitecustomize"] = own
        if error.name != "sitecustomize":
            raise


try:
    _install()
except Exception:  # see above
    pass
_hand_over()
