"""Imports as they are shown: where they came from, and what changed."""

from typing import Any

from mltrack.cli.render import content_json
from mltrack.formats.origin import Address, AnyOrigin
from mltrack.objects.digest import Algorithm
from mltrack.verbs.imports import Imported


def as_of(origin: AnyOrigin) -> str:
    """Which state of its source an import is."""
    if isinstance(origin, Address):
        return f"from {origin.url}"
    return f"as of {origin.commit[:12]}"


def imported_json(item: Imported, algorithm: Algorithm) -> dict[str, Any]:
    """Returns what `--json` prints of an import."""
    added, modified, deleted = item.changes
    return {
        "path": item.path,
        **(content_json(item.content, algorithm) or {}),
        "from": _origin_json(item.origin),
        "changed": item.is_changed,
        "added": added,
        "modified": modified,
        "deleted": deleted,
    }


def _origin_json(origin: AnyOrigin) -> dict[str, object]:
    if isinstance(origin, Address):
        size = {"size": origin.size} if origin.size >= 0 else {}
        return {"url": origin.url, origin.mark: origin.value, **size}
    return {
        "repository": origin.repository,
        "path": origin.path,
        "revision": origin.revision,
        "commit": origin.commit,
    }
