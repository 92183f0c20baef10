"""mltrack: data versions, pipelines and results beside git.

From Python: :func:`open`, :func:`read`, :func:`path`, :func:`params`, :func:`metrics`,
:func:`init` and :class:`Project`, each loaded when it is first used; and :data:`log`,
for programs that run as stages.
"""

# not typing's own: to import that costs a third of a `--version`
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mltrack.api.calls import exps, init, metrics, open, params, path, read
    from mltrack.api.magic import load_ipython_extension as load_ipython_extension
    from mltrack.api.project import Project
    from mltrack.errors import MltrackError
    from mltrack.logger.logger import log

__version__ = "0.1.0"
__all__ = [
    "MltrackError",
    "Project",
    "exps",
    "init",
    "log",
    "metrics",
    "open",
    "params",
    "path",
    "read",
]
# what IPython looks for; nobody else calls it
_MODULES = {
    **dict.fromkeys(__all__, "mltrack.api.calls"),
    "MltrackError": "mltrack.errors",
    "log": "mltrack.logger.logger",
    "Project": "mltrack.api.project",
    "load_ipython_extension": "mltrack.api.magic",
}


def __getattr__(name: str) -> object:
    # the command line imports this package first, and pays for none of it
    if name not in _MODULES:
        raise AttributeError(f"module 'mltrack' has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
