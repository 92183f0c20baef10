"""``mltrack fetch``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session
from mltrack.cli.options import (
    AllBranches,
    AllTags,
    DryRun,
    Jobs,
    Json,
    Paths,
    RemoteName,
    Revisions,
    command_app,
)
from mltrack.cli.progress import ProgressLine
from mltrack.cli.push import show
from mltrack.verbs import transfers as verb
from mltrack.verbs.unavailable import raise_unavailable


def fetch(
    targets: Paths = None,
    remote: RemoteName = "",
    revisions: Revisions = None,
    all_branches: AllBranches = False,
    all_tags: AllTags = False,
    jobs: Jobs = 0,
    run_cache: Annotated[
        bool,
        typer.Option("--run-cache", help="Bring the outputs of all earlier runs too."),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Brings data and outputs into the cache. The workspace is not touched; see pull."""
    scope = verb.Scope(
        tuple(targets or ()),
        tuple(revisions or ()),
        all_branches,
        all_tags,
        remote,
        jobs,
        run_cache,
    )
    with ProgressLine() as line:
        result = verb.fetch(open_session(), scope, line.event, dry_run=dry_run)
    show(
        result.fetched, "would fetch" if dry_run else "fetched", "from", as_json=as_json
    )
    # last: what came is shown, whatever lacks
    raise_unavailable(result.unavailable)


app = command_app(
    fetch, "mltrack fetch", "mltrack fetch --rev v1", "mltrack fetch --all-tags -j 8"
)
