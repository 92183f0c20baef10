"""Recorded contents outside of any workspace: plain files of their own."""

import os

from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import Entry
from mltrack.store.local.cache import COPY, REFLINK, Cache
from mltrack.workspace import fresh, materialize
from mltrack.workspace.checkout_plan import Operation
from mltrack.workspace.materialize import Report, Workspace

_NAME = "copy"
_LETTERS = {kind: letter for letter, kind in BY_LETTER.items()}


def make_copy(
    content: Content, directory: str, cache: Cache, report: Report = lambda *_: None
) -> str:
    """Makes a content that the cache holds, in an empty directory that is there for
    this; returns its path there, to be renamed.
    """
    # never links to the cache, whatever the person's own projects have
    plain = Cache(cache.path, cache.algorithm, (REFLINK, COPY))
    scratch = os.path.join(directory, "scratch")
    os.mkdir(scratch)
    workspace = Workspace(directory, scratch, plain)
    name = os.fsencode(_NAME)
    if content.kind == TREE:
        fresh.create(workspace, name, fresh.survey(content, plain), report)
    else:
        entry = Entry(name, _LETTERS[content.kind], content.hex, content.size)
        operations = [Operation(name, entry, None)]
        materialize.apply(workspace, name, operations, report)
    return os.path.join(directory, _NAME)
