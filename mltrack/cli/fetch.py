"""``mltrack fetch``"""

from mltrack.cli.invocation import open_session
from mltrack.cli.options import Json, Paths, RemoteName, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.push import Revisions, show
from mltrack.verbs import transfers as verb


def fetch(targets: Paths = None, remote: RemoteName = "", revisions: Revisions = None, as_json: Json = False) -> None:
    """Brings data and outputs into the cache. The workspace is not touched; see pull."""
    session = open_session()
    with ProgressLine() as line:
        result = verb.fetch(session, targets or [], line.event, remote=remote, revisions=tuple(revisions or ()))
    show(result, "fetched", "from", as_json=as_json)


app = command_app(fetch, "mltrack fetch", "mltrack fetch --rev v1")
