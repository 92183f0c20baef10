"""The project's stages: every pipeline file of the workspace, or of a git revision, as
one graph.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from mltrack.engine.remember import Remembered
from mltrack.errors import UsageError, WorkspaceError
from mltrack.formats.pipeline_file import load_stages
from mltrack.formats.pointer import SUFFIX
from mltrack.git import index as git_index
from mltrack.pipeline import graph as graphs
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import PathMap, contains, leads_out, parents
from mltrack.pipeline.stage import LOCK_NAME, PIPELINE_NAME, Stage, stage_address

_OWN = ".mltrack/"
CONFIG_NAME = "config.toml"
_CONFIG = f"/.mltrack/{CONFIG_NAME}"
_ENDINGS = (SUFFIX, PIPELINE_NAME, LOCK_NAME, _CONFIG)

Read = Callable[[str], bytes | None]


class Tracked:
    """The text files by which a workspace says what it tracks: pointers, pipeline files
    and locks, by path.
    """

    def __init__(self, project_path: str) -> None:
        self.in_git, others = git_index.list_all(project_path)
        found = [path for path in (*self.in_git, *others) if path.endswith(_ENDINGS)]
        nested = nested_projects(found)
        there = sorted(
            path
            for path in found
            if not any(contains(other, path) for other in nested)
            # git's index names files that were deleted since, too
            and os.path.lexists(os.path.join(project_path, path))
        )
        self.pointers = [
            path
            for path in there
            if path.endswith(SUFFIX) and not path.startswith(".mltrack/")
        ]
        self.pipelines = [
            path for path in there if path.rpartition("/")[2] == PIPELINE_NAME
        ]
        self.locks = [path for path in there if path.rpartition("/")[2] == LOCK_NAME]


def nested_projects(paths: Iterable[str]) -> list[str]:
    """Returns the projects below the one whose files these are: what they track is
    their own affair.
    """
    return [path.removesuffix(_CONFIG) for path in paths if path.endswith(_CONFIG)]


def load_graph(
    pipelines: list[str],
    read: Read,
    remembered: Remembered | None = None,
    project_path: str | None = None,
    overrides: dict[str, dict[str, Any]] | None = None,
) -> Graph:
    """Returns the graph of the stages in these pipeline files; raises PipelineError
    with every mistake in them.

    With ``project_path`` dependencies that are links there count as what they lead to.
    ``overrides`` stand in for values of params files.
    """
    stages = load_stages(
        pipelines, read, remembered.load if remembered is not None else None, overrides
    )
    return graphs.build(
        stages, _aliases(stages, project_path) if project_path is not None else None
    )


def _aliases(stages: list[Stage], project_path: str) -> dict[str, str]:
    links: dict[str, bool] = {}

    def is_link(path: str) -> bool:
        # ten thousand paths have few directories above them: each is asked once
        if path not in links:
            links[path] = os.path.islink(os.path.join(project_path, path))
        return links[path]

    found: dict[str, str] = {}
    for path in {path for stage in stages for path in stage.reads}:
        if is_link(path) or any(map(is_link, parents(path))):
            real = os.path.relpath(
                os.path.realpath(os.path.join(project_path, path)),
                os.path.realpath(project_path),
            )
            # a restored output may be a link to its object in the cache
            if not leads_out(real) and not real.startswith(_OWN):
                found[path] = real
    return found


def choose(graph: Graph, targets: list[str], in_directory: str = "") -> list[str]:
    """Returns the addresses of the stages that ``targets`` name: a stage's address or
    name, a path it writes, or a pipeline file; all stages without targets.
    ``in_directory`` is where the person stands.
    """
    if not targets:
        return list(graph.stages)
    chosen: list[str] = []
    for target in targets:
        found = _matching(graph, target, in_directory)
        if not found:
            outs = [out.path for stage in graph.stages.values() for out in stage.outs]
            elsewhere = [
                address for address in graph.stages if address.endswith(f":{target}")
            ]
            hint = (
                f"did you mean {elsewhere[0]!r}?"
                if elsewhere
                else nearest(target, [*graph.stages, *outs])
            )
            hint = hint or "mltrack stage list"
            raise UsageError(f"no stage or output named {target!r}", hint=hint)
        chosen += found
    return list(dict.fromkeys(chosen))


def nearest(word: str, known: list[str]) -> str:
    """Returns a hint with the known word that is most like ``word``, or an empty text."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def _matching(graph: Graph, target: str, in_directory: str) -> list[str]:
    local = f"{in_directory}/{PIPELINE_NAME}" if in_directory else PIPELINE_NAME
    for address in (target.removeprefix(f"{PIPELINE_NAME}:"), f"{local}:{target}"):
        if address in graph.stages:
            return [address]
        group = [
            other
            for other, stage in graph.stages.items()
            if other != address and _group_of(stage) == address
        ]
        if group:
            return group
    from_here = os.path.normpath(os.path.join(in_directory, target))
    places = (from_here, os.path.normpath(target))
    for path in dict.fromkeys(
        (*places, *(f"{place}/{PIPELINE_NAME}" for place in places))
    ):
        in_file = [
            address
            for address, stage in graph.stages.items()
            if stage.pipeline_path == path
        ]
        if in_file:
            return in_file
        owner = graph.owner_of(path)
        if owner is not None:
            return [owner.address]
    return []


def _group_of(stage: Stage) -> str:
    return stage_address(stage.pipeline_path, stage.group)


def check_outputs(
    stages: list[Stage],
    pointer_paths: list[str],
    pipelines: list[str],
    in_git: list[str],
) -> None:
    """Raises WorkspaceError for an output that a pointer or git tracks already, that
    holds a tracked path, or a pipeline file: what a stage writes is replaced.

    ``in_git`` are the paths in git's index, sorted.
    """
    outs = [(stage, out) for stage in stages for out in stage.outs]
    pointers = PathMap((path, None) for path in pointer_paths)
    declaring = PathMap((path, None) for path in pipelines)
    for stage, out in outs:
        holding = declaring.overlapping(out.path)
        if holding:
            raise WorkspaceError(
                f"output {out.path!r} of stage {stage.address!r} holds the pipeline "
                f"file {holding[0]!r}",
                hint="let the stage write elsewhere, or move the pipeline file",
            )
        if pointers:
            for path in pointers.overlapping(out.path):
                raise WorkspaceError(
                    f"output {out.path!r} of stage {stage.address!r} and the tracked "
                    f"{path!r} overlap",
                    hint=(
                        f"`mltrack remove {path}` stops tracking it; or let the stage "
                        "write elsewhere"
                    ),
                )
    for stage, out in outs:
        # git is to keep it
        if not out.cache:
            continue
        inside = at_or_below(in_git, out.path)
        if inside is not None:
            raise WorkspaceError(
                f"output {out.path!r} of stage {stage.address!r} is tracked by git "
                f"({inside})",
                hint=(
                    f"`git rm -r --cached {out.path}`, or declare it with `cache: "
                    "false`"
                ),
            )


def at_or_below(sorted_paths: list[str], path: str) -> str | None:
    """Returns the first of the paths that is ``path`` or lies below it, but for files
    by which git keeps a directory.
    """
    # twice: `data-old` is sorted between `data` and `data/x`
    for start in (path, path + "/"):
        for at in range(bisect_left(sorted_paths, start), len(sorted_paths)):
            found = sorted_paths[at]
            if not contains(path, found):
                break
            if found == path or not is_placeholder(found):
                return found
    return None


def is_placeholder(path: str) -> bool:
    """Returns whether a file that git tracks is there to make git keep its directory:
    it is no part of what mltrack keeps there.
    """
    return path.rpartition("/")[2] == ".gitkeep"
