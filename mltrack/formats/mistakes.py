"""Mistakes in a YAML file, gathered while it is read and told all at once, each with
line, column and key.
"""

import difflib
from typing import Any

from mltrack.errors import PipelineError
from mltrack.formats import yaml

At = tuple[str | int, ...]
"""Where in a document: keys and indexes from the top."""


class Mistakes:
    """What is wrong with one file; ``raise_mistakes`` raises all of it as one
    PipelineError.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.mistakes: list[tuple[At, str]] = []

    def mistake(self, at: At, problem: str) -> None:
        self.mistakes.append((at, problem))

    def check_keys(
        self,
        block: dict[str, Any],
        known: tuple[str, ...],
        at: At,
        later: tuple[str, ...] = (),
    ) -> None:
        """Notes each key that is not ``known``, with the nearest that is; ``later``
        ones are not supported yet.
        """
        for key in block:
            if key in known:
                continue
            if key in later:
                self.mistake(
                    (*at, key), f"{key!r} is not supported by this version of mltrack"
                )
                continue
            close = difflib.get_close_matches(key, known, n=1)
            nearest = (
                f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            )
            self.mistake((*at, key), f"unknown key; {nearest}")

    def raise_mistakes(self) -> None:
        """Raises what was noted, if anything was."""
        if not self.mistakes:
            return
        # places are looked up here alone: a correct file never needs its lines
        text = self.data.decode("utf-8", "replace")
        lines = []
        for at, problem in self.mistakes:
            line, column = yaml.locate(text, at)
            where = ".".join(str(step) for step in at)
            lines.append(
                f"{self.path}:{line}:{column}: {where + ': ' if where else ''}{problem}"
            )
        raise PipelineError(
            "\n".join(lines),
            hint=f"correct {self.path}; `mltrack help pipeline` lists the keys",
        )
