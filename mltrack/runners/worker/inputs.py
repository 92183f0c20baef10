"""The inputs of an attempt: placed into its work directory before its commands run, and
looked at once they have ended.
"""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from typing import Any

from . import attempts
from .attempts import Attempt
from .objects import STAMP_NS, Content, Damaged, Objects


class Inputs:
    """Those of one job, as files of the directory that its commands work in."""

    def __init__(self, work: str, job: dict[str, Any], objects: Objects) -> None:
        self._work, self._job, self._objects = work, job, objects
        self._links: list[tuple[str, str]] = []
        self._since_ns = 0

    def place(self) -> None:
        """Puts the inputs into an empty directory, and makes the places of outputs.
        Raises Damaged for what is not here any more.
        """
        # before the first link: an object that is dropped from here on was an input
        self._since_ns = attempts.now_ns(self._work)
        os.makedirs(os.path.join(self._work, self._job["directory"]), exist_ok=True)
        kept = set(self._job["kept"])
        # sorted: a directory comes before an input that lies in it
        for path, *row in sorted(self._job["inputs"]):
            self._links += self._objects.place_content(
                Content(*row), self._inside(path), private=path in kept
            )
        for path, text in self._job["files"].items():
            target = self._inside(path)
            with suppress(FileNotFoundError):
                os.unlink(target)  # a link to an object must not be written through
            with open(target, "wb") as file:
                file.write(base64.b64decode(text))
        for item in self._job["items"]:
            for path in item["outputs"]:
                self._inside(path)
        self._place_checkpoint()

    def _place_checkpoint(self) -> None:
        if not self._job.get("checkpoint"):
            return
        target = self._inside(self._job["checkpoint"])
        if self._job.get("checkpoint_content"):
            self._objects.place_content(
                Content(*self._job["checkpoint_content"]), target, private=True
            )
        else:
            os.makedirs(target, exist_ok=True)

    def _inside(self, path: str) -> str:
        """Where a path lies in the work directory, with the directories above it made."""
        target = os.path.normpath(os.path.join(self._work, path))
        if not target.startswith(self._work + os.sep):
            raise Damaged(f"{path!r} leads out of the work directory")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        return target

    def check(self) -> None:
        """Raises OSError if somebody wrote into one of the inputs, and Damaged if that
        object was dropped meanwhile: what was made is then made from something else.
        """
        for hex_digest, path in self._links:
            with suppress(FileNotFoundError):
                state = os.stat(self._objects.path_of(hex_digest))
                if state.st_mtime_ns != STAMP_NS:
                    self._objects.has(hex_digest)  # drops it
                    raise OSError(
                        0,
                        "its command, or another one at the same time, wrote into this "
                        "input",
                        os.path.relpath(path, self._work),
                    )
        # after the stamps: what another job drops between the two is noted by then
        spoilt = self._objects.spoilt_since(self._since_ns)
        for hex_digest, path in self._links:
            is_gone = not os.path.exists(self._objects.path_of(hex_digest))
            if hex_digest in spoilt or is_gone:
                shown = os.path.relpath(path, self._work)
                raise Damaged(f"{shown}: another job overwrote this input")


def are_intact(attempt: Attempt, objects: Objects) -> bool:
    """Returns whether nobody wrote into the inputs of an attempt since it was made, as
    far as that can be known: what it left half done was then made from them.
    """
    job = attempts.read_json(attempt.file("job.json")) or {}
    # made by an earlier version, which noted no inputs
    if "inputs" not in job:
        return False
    digests = {
        digest for row in job["inputs"] for digest in objects.below(Content(*row))
    }
    # a look at each, which drops and notes those that were written to
    is_whole = all(objects.has(digest) for digest in digests)
    since_ns = os.stat(attempt.file("job.json")).st_mtime_ns
    return is_whole and not digests & objects.spoilt_since(since_ns)
