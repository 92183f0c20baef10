"""What may be tracked, and the writing of pointers: for many paths at once, as for one."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from mltrack.disk.durable import write_all_atomic
from mltrack.engine.pipelines import at_or_below
from mltrack.errors import MltrackError, UsageError, WorkspaceError
from mltrack.formats import pointer
from mltrack.formats.paths import check_path
from mltrack.formats.pointer import SUFFIX, Pointer
from mltrack.git import ignore_file
from mltrack.git.ignored import ignored_by_rule
from mltrack.objects.content import Content
from mltrack.pipeline.paths import PathMap, parents
from mltrack.pipeline.stage import LOCK_NAME, PIPELINE_NAME
from mltrack.verbs.session import Session
from mltrack.workspace.ignore import FILE_NAME as IGNORE_NAME

_OWN_NAMES = (PIPELINE_NAME, LOCK_NAME, IGNORE_NAME, ".gitignore", ".gitattributes")
"""What git has to keep, for mltrack to work in a clone."""


@dataclass(frozen=True, slots=True)
class Added:
    """One target: what it was recorded as, and before. ``is_seen`` says that git still
    sees the data: a later ignore line overrides ours.
    """

    path: str
    content: Content
    before: Content | None
    is_seen: bool = False

    @property
    def is_changed(self) -> bool:
        return not self.content.same_bytes(self.before)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a pointer is to say of a path; ``here`` is what of it stands in the
    workspace, ``extra`` its further lines, None for those that it has.
    """

    path: str
    content: Content
    here: Content | None
    extra: tuple[str, ...] | None = None


def check(
    session: Session, paths: list[str], *, must_exist: bool = True
) -> dict[str, MltrackError]:
    """Returns for each path that may not be tracked the reason."""
    # all paths in one process of git: each costs 2-3 ms
    ignored = set(
        ignored_by_rule([path + SUFFIX for path in paths], session.project.path)
    )
    chosen = PathMap((path, None) for path in paths)
    outs = PathMap(
        (out.path, stage.address)
        for stage in session.view.graph.stages.values()
        for out in stage.outs
    )
    pipelines = PathMap((path, None) for path in session.view.pipelines)
    foreign = _ForeignRepositories(session)
    problems: dict[str, MltrackError] = {}
    for path in paths:
        try:
            if must_exist and not os.path.lexists(session.project.absolute(path)):
                raise UsageError(f"{session.project.shown(path)!r} does not exist")
            _check_name(session, path)
            foreign.refuse(path)
            _check_alone(path, session.tracked_paths, chosen, outs)
            _check_seen(path, path + SUFFIX in ignored, pipelines, session.view.in_git)
            data = session.project.read(path + SUFFIX)
            # one that cannot be read is told before anything is done
            if data is not None:
                pointer.parse(data, session.project.algorithm, path + SUFFIX)
        except MltrackError as error:
            problems[path] = error
    return problems


def _check_name(session: Session, path: str) -> None:
    name = os.path.basename(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise WorkspaceError(
            f"{path!r} is not valid UTF-8, so no pointer can be named after it",
            hint="rename it",
        ) from None
    check_path(path, path)
    if name in _OWN_NAMES:
        raise UsageError(
            f"{path!r} is not data: it says what a clone has to know",
            hint=f"git add {path}",
        )


def _check_alone(
    path: str, tracked: PathMap[None], chosen: PathMap[None], outs: PathMap[str]
) -> None:
    """Nothing else tracks it, nor a part of it, nor what holds it."""
    below = next(
        (
            other
            for known in (tracked, chosen)
            for other in known.overlapping(path)
            if other != path
        ),
        None,
    )
    if below is not None:
        raise WorkspaceError(
            f"{path!r} and the tracked {below!r} overlap",
            hint=f"`mltrack remove {below}` first, or add only one of them",
        )
    # whoever runs the stage would overwrite what was tracked
    for out in outs.overlapping(path):
        raise WorkspaceError(
            f"{path!r} is written by stage {outs[out]!r} (output {out!r})",
            hint=f"`mltrack commit {outs[out]}` records its present state",
        )


def _check_seen(
    path: str, is_ignored: bool, pipelines: PathMap[None], in_git: list[str]
) -> None:
    """git will keep the pointer, and does not keep the data."""
    if is_ignored:
        raise WorkspaceError(
            f"git ignores {path + SUFFIX!r}, so {path!r} would not be recorded",
            hint=(
                f"let git see it: add the line `!{os.path.basename(path)}{SUFFIX}` to "
                ".gitignore, below what ignores it"
            ),
        )
    kept = at_or_below(in_git, path)
    if kept is not None:
        raise WorkspaceError(
            f"{path!r} is tracked by git" + (f" ({kept})" if kept != path else ""),
            hint=f"to move it over: git rm -r --cached {path} && mltrack add {path}",
        )
    if pipelines.below(path):
        raise WorkspaceError(
            f"{path!r} holds the pipeline file {pipelines.below(path)[0]!r}, whose "
            "stages would be gone in a clone",
            hint="add the directories beside it that hold data",
        )


class _ForeignRepositories:
    """Tells whether a path lies in a repository below the project's: a pointer there is
    none of the project's.
    """

    def __init__(self, session: Session) -> None:
        self._project = session.project
        self._found: dict[str, bool] = {}

    def refuse(self, path: str) -> None:
        """Raises WorkspaceError for a path in a submodule or in another repository."""
        for directory in parents(path):
            # once for each directory, however many paths it holds
            if directory not in self._found:
                marker = os.path.join(self._project.absolute(directory), ".git")
                # '' is the project itself
                self._found[directory] = bool(directory) and os.path.lexists(marker)
            if self._found[directory]:
                raise WorkspaceError(
                    f"{path!r} lies in another git repository, {directory!r}, which "
                    "would have to keep its pointer",
                    hint=(
                        f"cd {directory} && mltrack init && mltrack add "
                        f"{os.path.relpath(path, directory)}"
                    ),
                )


def record(session: Session, items: Iterable[Recording]) -> list[Added]:
    """Writes the pointers of paths whose objects are durable, and their ignore lines."""
    project = session.project
    chosen = list(items)
    names: dict[str, list[str]] = {}
    texts: dict[str, bytes] = {}
    for item in chosen:
        directory, name = os.path.split(item.path)
        names.setdefault(directory, []).append(name)
        data = project.read(item.path + SUFFIX)
        extra = (
            pointer.parse(data, project.algorithm, item.path + SUFFIX).extra
            if data is not None
            else ()
        )
        lines = extra if item.extra is None else item.extra
        text = pointer.write(
            Pointer(name, item.content, lines), project.algorithm
        ).encode()
        # a pointer that says the same keeps its stamps: git need not read it again
        if text != data:
            texts[item.path] = text
    # before the pointers: `git add .` in between must not take the data
    for directory, in_it in names.items():
        session.edit_text(
            os.path.join(directory, ".gitignore"),
            partial(ignore_file.include, names=in_it),
        )
    write_all_atomic(
        {project.absolute(path + SUFFIX): text for path, text in texts.items()},
        # in mltrack's own directory: a kill leaves nothing beside the data
        aside=project.tmp_path,
    )
    # after the pointers: the other way round, a kill would make new data look outdated
    session.last.set_all(
        {item.path: item.here for item in chosen if item.here is not None}
    )
    # asked once the lines are there: a later line may bring the path back
    hidden = set(ignored_by_rule(list(texts), project.path))
    before = session.view.pointers
    return [
        Added(
            item.path,
            item.content,
            before.get(item.path),
            item.path in texts and item.path not in hidden,
        )
        for item in chosen
    ]
