"""Notes which files of a project a Python program opens. Python runs this at start-up, before the program.

It stands first on PYTHONPATH, does its work, and hands over to the ``sitecustomize`` that would have run without it. It
must run on every Python that users have, so it is written for 3.8, and it must never fail or slow down a program.
"""

import atexit
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


class _Noted:
    """The paths that were opened, and what turns them into lines of the trace."""

    def __init__(self, target, root):
        self.seen = {}
        self.cwd = os.getcwd()
        self._target = target
        self._root = root + "/"
        self._prefixes = tuple({os.path.realpath(prefix) + "/" for prefix in (sys.prefix, sys.base_prefix)})
        # a program may replace these
        self._open, self._write, self._close = os.open, os.write, os.close

    def flush(self):
        lines = []
        for path, flags in list(self.seen.items()):
            full = os.path.normpath(os.path.join(self.cwd, path if path.__class__ is str else os.fsdecode(path)))
            if full.startswith(self._root) and not full.startswith(self._prefixes) and "\n" not in full:
                lines.append(("w" if flags & (os.O_WRONLY | os.O_RDWR) else "r") + full[len(self._root) :])
        self.seen.clear()
        if not lines:
            return
        try:
            descriptor = self._open(self._target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                self._write(descriptor, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
            finally:
                self._close(descriptor)
        except OSError:
            pass

    def move(self, directory):
        self.flush()
        if directory.__class__ is int:
            self.cwd = os.path.realpath(f"/proc/self/fd/{directory}")
        else:
            self.cwd = os.path.normpath(os.path.join(self.cwd, os.fsdecode(directory)))


def _install():
    target, root = os.environ.get("MLTRACK_TRACE_FILE"), os.environ.get("MLTRACK_TRACE_ROOT")
    if not target or not root or not hasattr(sys, "addaudithook"):
        return
    noted = _Noted(target, root)
    seen = noted.seen

    def hook(event, args):
        if event == "open":
            path = args[0]
            if (path.__class__ is str or path.__class__ is bytes) and path not in seen:
                seen[path] = args[2]
        elif event == "os.chdir":
            noted.move(args[0])
        elif event == "os.exec":
            noted.flush()

    leave = os._exit

    def exit_(status):
        noted.flush()
        leave(status)

    sys.addaudithook(hook)
    atexit.register(noted.flush)
    os._exit = exit_
    os.register_at_fork(before=noted.flush)


def _hand_over():
    """Runs the ``sitecustomize`` that this one stands before, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [place for place in sys.path if os.path.abspath(place or ".") != here]
    sys.path[:] = others
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    _install()
except Exception:  # tracing is worth a warning, never a program
    pass
_hand_over()
