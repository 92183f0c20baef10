"""Data of no workspace: hashed where it stands, or written aside first."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from mltrack.disk.durable import temporary_path
from mltrack.errors import WorkspaceError
from mltrack.objects.content import Content
from mltrack.project import Project
from mltrack.verbs.session import Session
from mltrack.workspace.ignore import KeepAll
from mltrack.workspace.ingest import Ingest
from mltrack.workspace.scan import Look, Report, no_report, scan
from mltrack.workspace.stat_index import Blocks


@contextmanager
def place_aside(project: Project) -> Iterator[str]:
    """Yields a path at which nothing is; what the block writes there is removed."""
    directory = temporary_path(project.tmp_path)
    os.mkdir(directory)
    try:
        yield os.path.join(directory, "got")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def scan_source(
    session: Session, place: str, ingest: Ingest, report: Report = no_report
) -> Content:
    """Returns what stands at an absolute path, handed over to ``ingest``."""
    look = Look(ingest, KeepAll(), session.project.cache, report=report)
    # without a stat index: the place is not ours, and seen once
    snapshot = scan(os.path.dirname(place), os.path.basename(place), Blocks(), look)
    if snapshot is None:
        raise WorkspaceError(f"{place!r} vanished while it was being read")
    return snapshot.content
