"""Lines in ``.gitignore`` that follow declarations: a cached output is kept from git
before its stage first runs, and a line goes when git is to keep the output, or when
nobody declares it and nothing stands there.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from mltrack.disk.durable import read_bounded
from mltrack.git import ignore_file
from mltrack.pipeline.paths import PathMap, contains
from mltrack.pipeline.stage import Stage

_MAX_BYTES = 1 << 20
"""No person's ignore file is longer."""
EditText = Callable[[str, Callable[[str], str]], None]


class Lacking(NamedTuple):
    """A line that an ignore file lacks, and what it would hide."""

    path: str
    place: str
    line: str


@dataclass(frozen=True, slots=True)
class IgnoreLines:
    """The lines of one project; ``edit_text`` rewrites a text file if its text changes."""

    project_path: str
    edit_text: EditText

    def follow(
        self, stages: Iterable[Stage], former: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Brings lines in line with what stages declare, by one edit a file.

        ``former`` are outputs that were cached before, each with the pipeline file that
        declared it: the line of one that git is to keep now goes. What nobody declares
        and still stands there stays hidden from git.
        """
        includes: dict[str, list[str]] = {}
        excludes: dict[str, list[str]] = {}
        declared: dict[str, bool] = {}
        for stage in stages:
            for out in stage.outs:
                declared[out.path] = out.cache
                if out.cache:
                    place, name = _line(stage.pipeline_path, out.path)
                    includes.setdefault(place, []).append(name)
        for pipeline_path, path in former:
            # hidden while it stands there: `git add -A` would commit gigabytes
            is_there = os.path.lexists(os.path.join(self.project_path, path))
            if not declared.get(path, is_there):
                place, name = _line(pipeline_path, path)
                excludes.setdefault(place, []).append(name)
        for place in dict.fromkeys((*includes, *excludes)):
            self._edit(place, includes.get(place, []), excludes.get(place, []))

    def lacking(self, kept: Iterable[tuple[str, str]]) -> list[Lacking]:
        """Returns the lines that do not stand where they belong, for data that the
        cache keeps: each given with the pointer or pipeline file that says so.
        """
        known: dict[str, set[str]] = {}
        found = []
        for declaring, path in kept:
            place, name = _line(declaring, path)
            if place not in known:
                data = (
                    read_bounded(os.path.join(self.project_path, place), _MAX_BYTES)
                    or b""
                )
                known[place] = set(
                    ignore_file.names_in(data.decode(errors="surrogateescape"))
                )
            if name not in known[place]:
                found.append(Lacking(path, place, ignore_file.line_for(name)))
        return found

    def sweep(
        self,
        pipeline_paths: Iterable[str],
        wanted: PathMap[None],
        was_ours: Callable[[str], bool],
    ) -> None:
        """Takes out the lines of former outputs that are gone: not ``wanted``, once put
        or recorded here by mltrack, and no longer there. The lock that knew them may
        have forgotten them long ago.
        """

        def is_gone(path: str) -> bool:
            is_there = os.path.lexists(os.path.join(self.project_path, path))
            return not is_there and not wanted.overlapping(path) and was_ours(path)

        for directory in sorted(
            {path.rpartition("/")[0] for path in pipeline_paths} | {""}
        ):
            prefix = f"{directory}/" if directory else ""

            def change(text: str, prefix: str = prefix) -> str:
                gone = [
                    name
                    for name in ignore_file.names_in(text)
                    if is_gone(prefix + name)
                ]
                return ignore_file.exclude(text, gone) if gone else text

            self.edit_text(f"{prefix}.gitignore", change)

    def _edit(self, place: str, included: list[str], excluded: list[str]) -> None:
        full = os.path.join(self.project_path, place)
        if not os.path.isdir(os.path.dirname(full)):
            # nothing stands there, and its stage has not run: there is nothing to hide
            # yet
            return

        def change(text: str) -> str:
            # what is in both stays: another stage declares it now
            return ignore_file.include(ignore_file.exclude(text, excluded), included)

        self.edit_text(place, change)


def _line(pipeline_path: str, path: str) -> tuple[str, str]:
    """The ignore file for an output, beside its pipeline file where that holds it, and
    its name there.
    """
    beside = pipeline_path.rpartition("/")[0]
    directory = beside if contains(beside, path) else ""
    return (
        (f"{directory}/.gitignore", path[len(directory) + 1 :])
        if directory
        else (".gitignore", path)
    )
