"""``mltrack pull``"""

from mltrack.cli import checkout, push
from mltrack.cli.invocation import open_session, tell
from mltrack.cli.options import Force, Paths, RemoteName, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.status import NO_HOOKS
from mltrack.git import hooks
from mltrack.verbs import transfers as verb
from mltrack.verbs.checkout import raise_failures


def pull(targets: Paths = None, remote: RemoteName = "", force: Force = False) -> None:
    """Brings what pointers and locks refer to into the cache, and checks it out."""
    session = open_session()
    with ProgressLine() as line:
        result = verb.pull(session, targets or [], line.event, remote=remote, force=force, progress=line.update)
    if result.fetched.moved.objects:
        push.show(result.fetched, "fetched", "from", as_json=False)
    checkout.show(result.checkout)
    if not hooks.are_installed(session.project.repository):
        tell(NO_HOOKS)
    raise_failures(result.checkout)


app = command_app(pull, "mltrack pull", "mltrack pull data/images -r store")
