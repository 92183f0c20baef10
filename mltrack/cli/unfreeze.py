"""``mltrack unfreeze``"""

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import Stages, command_app
from mltrack.verbs import freeze as verb


def unfreeze(targets: Stages) -> None:
    """Lets frozen stages run again when something changed."""
    changed = verb.set_frozen(open_session(), targets, frozen=False)
    announce(f"unfrozen: {', '.join(changed)}" if changed else "Nothing to do.")


app = command_app(unfreeze, "mltrack unfreeze train")
