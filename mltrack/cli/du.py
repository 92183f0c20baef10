"""``mltrack du``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import say
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Paths, Repo, command_app
from mltrack.cli.render import emit_json, size_text, table
from mltrack.verbs import du as verb


def du(
    targets: Paths = None,
    revision: Annotated[
        str, typer.Option("--rev", help="At a git revision, instead of the workspace.")
    ] = "",
    repo: Repo = "",
    as_json: Json = False,
) -> None:
    """Shows how much tracked data there is, how much of it is in the cache, and how
    much the cache takes.
    """
    session, revision = open_recorded(repo, revision)
    found = verb.du(session, targets or [], revision=revision)
    cache = verb.cache_usage(session)
    if as_json:
        emit_json(
            {
                "targets": [
                    {
                        "path": u.path,
                        "size": u.size,
                        "files": u.files,
                        "cached": u.cached,
                    }
                    for u in found
                ],
                "cache": {
                    "path": cache.path,
                    "loose": cache.loose,
                    "packs": cache.packs,
                    "runs": cache.runs,
                    "quarantine": cache.quarantine,
                    "experiments": cache.experiments,
                },
            }
        )
        return
    rows = [
        (size_text(item.size), f"{item.files:,}", size_text(item.cached), item.path)
        for item in found
    ]
    table(("size", "files", "in cache", "path"), rows)
    say(f"the cache takes {size_text(cache.total)}: {cache.path}")
    if cache.experiments:
        say(f"running experiments takes {size_text(cache.experiments)}: .mltrack/exps")


app = command_app(du, "mltrack du", "mltrack du data/images --rev v1")
