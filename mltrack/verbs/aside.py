"""Data that comes from elsewhere: written beside the cache first, then hashed into it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from mltrack.disk.durable import temporary_path
from mltrack.errors import MissingObjectError
from mltrack.objects.content import Content
from mltrack.project import Project
from mltrack.workspace.ignore import KeepAll
from mltrack.workspace.ingest import Ingest
from mltrack.workspace.scan import Look, scan
from mltrack.workspace.stat_index import Blocks

_NAME = "got"


@contextmanager
def place_aside(project: Project) -> Iterator[str]:
    """Yields a path at which nothing is; what the block writes there is removed."""
    directory = temporary_path(project.tmp_path)
    os.mkdir(directory)
    try:
        yield os.path.join(directory, _NAME)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def hand_over(project: Project, place: str, ingest: Ingest, name: str) -> Content:
    """Returns what was written to a place aside, handed over to ``ingest``; errors call
    it ``name``.
    """
    look = Look(ingest, KeepAll(), project.cache)
    snapshot = scan(os.path.dirname(place), _NAME, Blocks(), look)
    if snapshot is None:
        raise MissingObjectError(f"{name} vanished while it was being read")
    return snapshot.content
