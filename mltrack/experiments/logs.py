"""What the stages of an experiment printed: of those with a result what their run
record names, of one that failed its log file.
"""

import os
from typing import NamedTuple

from mltrack.disk.durable import names_in, read_bounded
from mltrack.errors import MissingObjectError, UsageError
from mltrack.experiments.shelf import Shelf
from mltrack.runners.logs import LOGS
from mltrack.verbs.session import Session

# bytes of a log file that are read at most
_MOST = 256 << 20


class Log(NamedTuple):
    """What one stage printed; ``note`` is what there is to say of it."""

    stage: str
    data: bytes
    note: str = ""


def logs(session: Session, shelf: Shelf, name: str, stage: str) -> list[Log]:
    """Returns the logs of an experiment's stages, in their order; raises UsageError for
    a stage that it does not have, or where nothing was printed yet.
    """
    one = shelf.get(name)
    if stage and stage not in one.stages:
        known = ", ".join(one.stages) or "none yet"
        raise UsageError(f"{name} has no stage {stage!r}", hint=f"it has: {known}")
    found = []
    for address, done in one.stages.items():
        if stage in ("", address) and done.key:
            log = _log(session, address, done.key)
            if log is not None:
                found.append(log)
    if not found:
        raise UsageError(
            f"nothing that {name} printed is kept here",
            hint=one.reason or "stages that did not change print nothing",
        )
    return found


def _log(session: Session, address: str, key: str) -> Log | None:
    project = session.project
    for record in project.run_cache.find(key):
        if record.log:
            try:
                return Log(address, project.cache.read(record.log))
            except MissingObjectError:
                continue
    above = os.path.join(project.jobs_path, LOGS)
    files = [
        file
        for file in names_in(above)
        if file.startswith(key + "-") and file.endswith(".log")
    ]
    if not files:
        return None
    latest = max(files, key=lambda file: os.stat(os.path.join(above, file)).st_mtime)
    data = read_bounded(os.path.join(above, latest), _MOST) or b""
    return Log(address, data, "it failed")
