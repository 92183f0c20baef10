"""What run records keep: which of them are young enough, and what of each others need."""

from mltrack.formats.run_record import RunRecord
from mltrack.objects.content import Content
from mltrack.store.pack import is_small
from mltrack.verbs.session import Session

DAY = 86400.0


def since_for_records(session: Session, moment: float) -> float:
    """Returns from when on a run record keeps its outputs; both in seconds since 1970."""
    return moment - session.project.settings.number("cache.runs_days") * DAY


def restorable(record: RunRecord) -> list[Content]:
    """The outputs that others need to restore a result: not those that are never sent,
    nor large ones that git keeps.
    """
    entry = record.entry
    return [
        content
        for path, content in entry.outs.items()
        if path not in entry.unpushed
        and (path not in entry.uncached or is_small(content))
    ]
