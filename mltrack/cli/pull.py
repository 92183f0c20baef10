"""``mltrack pull``"""

from mltrack.cli import checkout, push
from mltrack.cli.invocation import open_session, tell
from mltrack.cli.options import (
    AllBranches,
    AllTags,
    DryRun,
    Force,
    Jobs,
    Json,
    Paths,
    RemoteName,
    Revisions,
    command_app,
)
from mltrack.cli.progress import ProgressLine
from mltrack.cli.status import NO_HOOKS
from mltrack.git import hooks
from mltrack.verbs import transfers as verb
from mltrack.verbs.checkout import raise_failures
from mltrack.verbs.unavailable import raise_unavailable


def pull(
    targets: Paths = None,
    remote: RemoteName = "",
    revisions: Revisions = None,
    all_branches: AllBranches = False,
    all_tags: AllTags = False,
    jobs: Jobs = 0,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Brings what pointers and locks refer to into the cache, and checks it out.

    A target may be one file of a tracked directory: nothing else of it is read. With --rev, --all-branches or
    --all-tags the cache gets those versions too; what is checked out is the workspace's.
    """
    session = open_session()
    scope = verb.Scope(
        tuple(targets or ()),
        tuple(revisions or ()),
        all_branches,
        all_tags,
        remote,
        jobs,
    )
    with ProgressLine() as line:
        if dry_run:
            would = verb.fetch(session, scope, line.event, dry_run=True)
            push.show(would.fetched, "would fetch", "from", as_json=as_json)
            return
        result = verb.pull(
            session, scope, line.event, force=force, progress=line.update
        )
    if result.fetched.moved.objects or as_json:
        push.show(result.fetched, "fetched", "from", as_json=as_json)
    if not as_json:
        checkout.show(result.checkout)
        checkout.say_if_nothing(result.checkout)
    # whoever pulls expects data to follow git from now on
    if not hooks.are_installed(session.project.repository):
        tell(NO_HOOKS)
    # last: what came is shown, whatever failed
    raise_failures(result.checkout)
    raise_unavailable(result.unavailable)


app = command_app(
    pull,
    "mltrack pull",
    "mltrack pull data/images -r store",
    "mltrack pull data/images/0001.png",
)
