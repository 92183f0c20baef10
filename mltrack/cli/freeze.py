"""``mltrack freeze``"""

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import Stages, command_app
from mltrack.verbs import freeze as verb


def freeze(targets: Stages) -> None:
    """Keeps stages from running, whatever changed, until they are unfrozen. Missing
    outputs are still restored.
    """
    changed = verb.set_frozen(open_session(), targets, frozen=True)
    announce(f"frozen: {', '.join(changed)}" if changed else "Nothing to do.")


app = command_app(freeze, "mltrack freeze train")
