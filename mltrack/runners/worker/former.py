"""Former attempts of a key: which one a job is found in, what of its result is still
here, and what its items had done.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any

from . import attempts
from .attempts import Attempt
from .objects import Content, Damaged, Objects
from .supervise import bury

UNIT = ("label", "project", "token")
"""What whoever lists jobs is told of one, as it was given."""


def find(
    former: list[Attempt], job: dict[str, Any], objects: Objects, *, is_fresh: bool
) -> Attempt | None:
    """Returns the attempt that stands for a job: alive, ended and not taken yet, or
    with a result that is whole. With ``is_fresh`` a result that was taken counts for
    nothing.
    """
    kept = _kept_inputs(job)
    for attempt in reversed(former):
        asked = attempts.read_json(attempt.file("job.json")) or {}
        if asked.get("token") == job["token"]:
            return attempt
        if asked.get("kept", []) != kept or os.path.exists(attempt.file("rejected")):
            return None
        result = bury(attempt, objects)
        if result["state"] in (attempts.QUEUED, attempts.RUNNING):
            return attempt
        if result["state"] not in (attempts.DONE, attempts.FAILED):
            return None
        is_taken = os.path.exists(attempt.file("taken"))
        if is_taken and (is_fresh or result["state"] == attempts.FAILED):
            return None
        return (
            attempt
            if result["state"] == attempts.FAILED
            or not _lacking_of(attempt, result, objects)
            else None
        )
    return None


def _lacking_of(
    attempt: Attempt, result: dict[str, Any], objects: Objects
) -> list[str]:
    """What of a result is not here any more."""
    if result.get("missing"):
        return ["missing"]
    rows = [row for item in result["items"] for row in item["outputs"].values()]
    if any(row[0] == "raw" for row in rows):
        return [] if os.path.isdir(attempt.work) else ["raw"]
    return objects.missing((row[0], row[1], row[2]) for row in rows)


def items_done(attempt: Attempt, objects: Objects) -> list[dict[str, Any]]:
    """Returns the items that an attempt which is gone had finished, with results that
    are whole.
    """
    rows = []
    with suppress(OSError), open(attempt.file("items.jsonl"), encoding="utf-8") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError, AttributeError, Damaged):
                row = json.loads(line)
                outputs = [Content(*one) for one in row["outputs"].values()]
                is_whole = all(
                    content.kind != "raw" for content in outputs
                ) and not objects.missing(
                    (content.kind, content.hex, content.size) for content in outputs
                )
                if row["exit_code"] == 0 and not row["missing"] and is_whole:
                    rows.append(row)
    return rows


def facts_of(job: dict[str, Any]) -> dict[str, Any]:
    """Returns what is kept of a job in its attempt's directory, for whoever asks about it
    later.
    """
    facts = {name: job[name] for name in (*UNIT, "directory", "items")}
    facts.update(
        checkpoint=job.get("checkpoint"), submitted=time.time(), kept=_kept_inputs(job)
    )
    return facts


def _kept_inputs(job: dict[str, Any]) -> list[Any]:
    """What a job goes on from, which its key does not know: another state of it makes
    another job.
    """
    return sorted(row for row in job["inputs"] if row[0] in job["kept"])
