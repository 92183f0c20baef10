"""The rooms below, each module loaded when a call first needs it: whoever reads one file
does not pay for pipelines and transfers.
"""

import importlib

# not typing's own: this is loaded before anything is asked for
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mltrack import project as projects
    from mltrack.api import experiments
    from mltrack.git import source
    from mltrack.pipeline import drawing, graph_page, layout
    from mltrack.verbs import (
        add,
        add_into,
        check_ignore,
        checkout,
        commit,
        config,
        dag,
        doctor,
        drop,
        du,
        edit,
        elsewhere,
        freeze,
        fsck,
        gc,
        gc_remote,
        gc_roots,
        get,
        imports,
        init,
        job,
        listing,
        log,
        logs,
        merge,
        move,
        places,
        plots,
        reading,
        remote,
        remove,
        repro,
        results,
        session,
        stage,
        status,
        transfers,
        twice,
        unavailable,
        undo,
        why,
    )

    __all__ = [
        "add", "add_into", "check_ignore", "checkout", "commit", "config", "dag",
        "doctor", "drawing", "drop", "du", "edit", "elsewhere", "experiments", "freeze", "fsck", "gc",
        "gc_remote", "gc_roots", "get", "graph_page", "imports", "init", "job", "layout",
        "listing", "log", "logs", "merge", "move", "places", "plots", "projects", "reading",
        "remote", "remove", "repro", "results", "session", "source", "stage", "status",
        "transfers", "twice", "unavailable", "undo", "why",
    ]  # fmt: skip

_ELSEWHERE = {
    "experiments": "mltrack.api.experiments",
    "projects": "mltrack.project",
    "source": "mltrack.git.source",
    "drawing": "mltrack.pipeline.drawing",
    "graph_page": "mltrack.pipeline.graph_page",
    "layout": "mltrack.pipeline.layout",
}


def __getattr__(name: str) -> object:
    # what the interpreter asks of every module
    if name.startswith("__"):
        raise AttributeError(name)
    module = importlib.import_module(_ELSEWHERE.get(name, f"mltrack.verbs.{name}"))
    # once: from here on it is found without this function
    globals()[name] = module
    return module
