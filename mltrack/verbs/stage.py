"""``stage add`` and ``stage list``: declaring stages from the command line, and showing
what is declared.
"""

from dataclasses import dataclass, field
from typing import Any

from mltrack.engine.pipelines import check_outputs
from mltrack.engine.view import View
from mltrack.errors import UsageError
from mltrack.formats import block_text, yaml
from mltrack.formats.pipeline_file import is_stage_name, load_stages, parse_yaml
from mltrack.pipeline import graph as graphs
from mltrack.pipeline.stage import PIPELINE_NAME, Stage, stage_address
from mltrack.verbs.session import Session

_NO_CACHE, _PERSIST = {"cache": False}, {"persist": True}


@dataclass(frozen=True, slots=True)
class NewStage:
    """A stage as typed on a command line; paths are relative to the pipeline file in
    the current directory.
    """

    name: str
    cmd: str
    deps: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    outs_no_cache: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    metrics_no_cache: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    plots_no_cache: tuple[str, ...] = ()
    outs_persist: tuple[str, ...] = ()
    outs_persist_no_cache: tuple[str, ...] = ()
    wdir: str = ""
    desc: str = ""
    always_changed: bool = field(default=False)


def add(session: Session, new: NewStage, *, force: bool = False) -> Stage:
    """Writes a stage into the pipeline file of the current directory, after checking
    that it fits the others.

    The file's other lines, comments included, stay as they are.
    """
    if not is_stage_name(new.name):
        raise UsageError(
            f"{new.name!r} is no name for a stage",
            hint="letters, digits, '-' and '_', not longer than 200",
        )
    here = session.project.here
    path = f"{here}/{PIPELINE_NAME}" if here else PIPELINE_NAME
    added: list[Stage] = []

    def change(before: str) -> str:
        after = _added(before, path, new, force=force)
        # with all the others, before anything is written: the graph must hold
        added.append(_checked(session, path, after, new.name))
        return after

    # read and written under one lock: two commands at once lose no stage
    session.edit_text(path, change)
    return added[0]


def _added(before: str, path: str, new: NewStage, *, force: bool) -> str:
    """The text of a pipeline file with a stage that it did not have, or with ``force``
    another in its place.
    """
    document = parse_yaml(before.encode("utf-8", "surrogateescape"), path)
    stages = document.get("stages") if isinstance(document, dict) else None
    exists = isinstance(stages, dict) and new.name in stages
    if exists and not force:
        raise UsageError(
            f"there is a stage {new.name!r} in {path} already",
            hint="`--force` replaces it",
        )
    return _with(
        _without(before, new.name) if exists else before,
        new.name,
        _block(new),
        has_stages="stages" in document if isinstance(document, dict) else False,
    )


def _checked(session: Session, path: str, text: str, name: str) -> Stage:
    """The stage as the pipeline file would declare it; raises what is wrong with it."""

    def read(asked: str) -> bytes | None:
        return text.encode() if asked == path else session.project.read(asked)

    pipelines = sorted({*session.view.pipelines, path})
    stage = graphs.build(load_stages(pipelines, read)).stages[stage_address(path, name)]
    check_outputs(
        [stage],
        list(session.view.pointers),
        session.view.pipelines,
        session.view.in_git,
    )
    return stage


def list_stages(view: View) -> list[Stage]:
    """Returns all declared stages, each after those that it depends on."""
    return list(view.graph.stages.values())


def _block(new: NewStage) -> dict[str, Any]:
    block: dict[str, Any] = {"cmd": new.cmd}
    if new.wdir:
        block["wdir"] = new.wdir
    if new.desc:
        block["desc"] = new.desc
    if new.deps:
        block["deps"] = list(new.deps)
    if new.params:
        block["params"] = [_param(item) for item in new.params]
    for key, groups in (
        (
            "outs",
            (
                (new.outs, {}),
                (new.outs_no_cache, _NO_CACHE),
                (new.outs_persist, _PERSIST),
                (new.outs_persist_no_cache, _NO_CACHE | _PERSIST),
            ),
        ),
        ("metrics", ((new.metrics, {}), (new.metrics_no_cache, _NO_CACHE))),
        ("plots", ((new.plots, {}), (new.plots_no_cache, _NO_CACHE))),
    ):
        items = [
            {path: dict(settings)} if settings else path
            for paths, settings in groups
            for path in paths
        ]
        if items:
            block[key] = items
    if new.always_changed:
        block["always_changed"] = True
    return block


def _param(text: str) -> Any:
    file, colon, keys = text.partition(":")
    return {file: keys.split(",") if keys else None} if colon else text


def _with(text: str, name: str, block: dict[str, Any], *, has_stages: bool) -> str:
    """The file's text with the stage at the end of its ``stages``, written in the
    file's own indentation.
    """
    lines = yaml.dump({name: block}).splitlines()
    added = "".join(f"  {line}\n" for line in lines)
    if text and not text.endswith("\n"):
        text += "\n"
    if not has_stages:
        return f"{text}stages:\n{added}"
    start, end = block_text.span(text, ("stages",))
    present = text.splitlines(keepends=True)
    return (
        "".join(present[:end]) + added + "".join(present[end:])
        if start
        else text + added
    )


def _without(text: str, name: str) -> str:
    start, end = block_text.span(text, ("stages", name))
    lines = text.splitlines(keepends=True)
    return "".join(lines[: start - 1] + lines[end:])
