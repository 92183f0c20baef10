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
from .inputs import are_intact
from .objects import Content, Damaged, Objects
from .supervise import bury, remove

UNIT = ("label", "project", "token")
"""What whoever lists jobs is told of one, as it was given."""


def find(
    former: list[Attempt], job: dict[str, Any], objects: Objects, *, is_fresh: bool
) -> Attempt | None:
    """Returns the attempt that stands for a job: the one that this client asked for
    before, whichever it is; else the last one, alive, ended and not taken yet, or with
    a result that is whole. With ``is_fresh`` a result that was taken counts for
    nothing.
    """
    # a client that repeats itself after a lost reply means its own attempt
    own = [attempt for attempt in former if _token_of(attempt) == job["token"]]
    if own:
        return own[-1]
    if not former:
        return None
    last = former[-1]
    asked = attempts.read_json(last.file("job.json")) or {}
    is_other = asked.get("kept", []) != _kept_inputs(job)
    if is_other or os.path.exists(last.file("rejected")):
        return None
    # under the key's lock: one whose supervisor is gone gets its result here
    result = bury(last, objects)
    if result["state"] in (attempts.QUEUED, attempts.RUNNING):
        return last
    is_taken = os.path.exists(last.file("taken"))
    # a failure that somebody was told of is tried again; one that nobody saw is told
    # first
    if result["state"] == attempts.FAILED:
        return None if is_taken else last
    if result["state"] != attempts.DONE or (is_taken and is_fresh):
        return None
    return None if _lacking_of(last, result, objects) else last


def _token_of(attempt: Attempt) -> str:
    # of the last one a damaged file is an error, of others it says nothing
    with suppress(OSError, attempts.Tampered):
        asked = attempts.read_json(attempt.file("job.json")) or {}
        return str(asked.get("token", ""))
    return ""


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
    are whole and were made from the inputs as they should be.
    """
    rows: list[dict[str, Any]] = []
    if not os.path.exists(attempt.file("items.jsonl")) or not are_intact(
        attempt, objects
    ):
        return rows
    with suppress(OSError), open(attempt.file("items.jsonl"), encoding="utf-8") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError, AttributeError, Damaged):
                row = json.loads(line)
                outputs = [Content(*one) for one in row["outputs"].values()]
                # raw ones lie in the work directory, which the next attempt removes
                is_whole = all(
                    content.kind != "raw" for content in outputs
                ) and not objects.missing(
                    (content.kind, content.hex, content.size) for content in outputs
                )
                if row["exit_code"] == 0 and not row["missing"] and is_whole:
                    rows.append(row)
    return rows


def take_over(
    job: dict[str, Any], last: Attempt, objects: Objects, *, is_fresh: bool
) -> None:
    """Notes in a job the items that the last attempt finished, and removes what else
    that has left.
    """
    is_useless = is_fresh or os.path.exists(last.file("rejected"))
    job["done"] = [] if is_useless else items_done(last, objects)
    # what counts of it, checkpoint and items, are objects by now; one that goes on from
    # something else may be at work beside this one
    if attempts.is_over(last):
        remove(last.work)


def facts_of(job: dict[str, Any]) -> dict[str, Any]:
    """Returns what is kept of a job in its attempt's directory, for whoever asks about it
    later.
    """
    facts = {name: job[name] for name in (*UNIT, "directory", "items")}
    facts.update(
        checkpoint=job.get("checkpoint"),
        submitted=time.time(),
        kept=_kept_inputs(job),
        inputs=[row for _, *row in job["inputs"]],
        uses=_going_on_from(job),
    )
    return facts


def _going_on_from(job: dict[str, Any]) -> list[Any]:
    """What a job takes over from former attempts: a checkpoint, outputs of items."""
    saved = job.get("checkpoint_content")
    outputs = [row for item in job.get("done", []) for row in item["outputs"].values()]
    return [*outputs, *([saved] if saved else [])]


def _kept_inputs(job: dict[str, Any]) -> list[Any]:
    """What a job goes on from, which its key does not know: another state of it makes
    another job.
    """
    return sorted(row for row in job["inputs"] if row[0] in job["kept"])
