"""``mltrack doctor``"""

import os

from mltrack import project as projects
from mltrack.cli.invocation import current, open_session, say
from mltrack.cli.options import Json, command_app
from mltrack.cli.render import emit_json
from mltrack.verbs import doctor as verb
from mltrack.verbs.machine import outside

_MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def doctor(as_json: Json = False) -> int:
    """Checks the project and this machine, and says what to do; outside of a project,
    this machine and your own settings. Ends with 1 if something is bad.
    """
    project = projects.find_if_any(current.directory)
    checks = (
        verb.doctor(open_session(project))
        if project is not None
        else outside(os.path.abspath(current.directory))
    )
    if as_json:
        emit_json(
            {
                "checks": [
                    {
                        "name": c.name,
                        "state": c.state,
                        "detail": c.detail,
                        "hint": c.hint,
                    }
                    for c in checks
                ]
            }
        )
    else:
        for check in checks:
            say(
                f"{_MARKS[check.state]} {check.name}: {check.detail}"
                + (f"  (hint: {check.hint})" if check.hint else "")
            )
    # notes are no failure: what they are about works
    return 1 if any(check.state == "bad" for check in checks) else 0


app = command_app(doctor, "mltrack doctor")
