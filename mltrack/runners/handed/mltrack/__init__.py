"""What a command finds as ``mltrack`` that a runner started: mltrack itself where its
Python has it, else only the logger, ``from mltrack import log``.

Its directory stands on PYTHONPATH, before what is installed, so it looks behind itself
first. Written for Python 3.8, as the logger is.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _installed():
    """Finds mltrack as it would be found without this directory."""
    own = os.path.dirname(_HERE)
    before = sys.path[:]
    sys.path[:] = [path for path in before if os.path.abspath(path or ".") != own]
    try:
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(__name__, None) if find is not None else None
            # a directory without code that has this name is no package
            if spec is not None and spec.loader is not None and spec.origin:
                return spec
    finally:
        sys.path[:] = before
    return None


def _hand_over(spec):
    from importlib.util import module_from_spec  # noqa: PLC0415 - only where it is there

    module = module_from_spec(spec)
    # what an import ends with is what stands there
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


_spec = _installed()
if _spec is not None:
    _hand_over(_spec)
else:
    # beside it in the worker's file, or three above it in an installed mltrack
    _above = os.path.dirname(_HERE)
    __path__ = [
        os.path.join(_above, "mltrack_worker"),
        os.path.dirname(os.path.dirname(_above)),
    ]
    from mltrack.logger.logger import log  # noqa: F401
