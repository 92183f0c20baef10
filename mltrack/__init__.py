"""mltrack: data versions, pipelines and results beside git.

From Python: :func:`open`, :func:`read`, :func:`path`, :func:`params`, :func:`metrics`
and :class:`Project`, each loaded when it is first used.
"""

# not typing's own: to import that costs a third of a `--version`
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mltrack.api import Project, metrics, open, params, path, read
    from mltrack.errors import MltrackError

__version__ = "0.1.0"
__all__ = ["MltrackError", "Project", "metrics", "open", "params", "path", "read"]


def __getattr__(name: str) -> object:
    # the command line imports this package first, and pays for none of it
    if name not in __all__:
        raise AttributeError(f"module 'mltrack' has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module("mltrack.api"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
