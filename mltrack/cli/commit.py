"""``mltrack commit``"""

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import Paths, command_app
from mltrack.verbs import commit as verb


def commit(targets: Paths = None) -> None:
    """Records the present dependencies, params and outputs of stages as if they had
    run. Nothing is run.
    """
    for address in verb.commit(open_session(), targets or []).stages:
        announce(f"recorded {address} as it is")


app = command_app(commit, "mltrack commit train", "mltrack commit")
