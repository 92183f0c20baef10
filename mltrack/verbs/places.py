"""The runners of a project, opened by name, and what places stages on them. What speaks
to hosts is loaded where one is used.
"""

from dataclasses import dataclass
from typing import Any

from mltrack.engine.pipelines import nearest
from mltrack.engine.placement import Placement
from mltrack.errors import UsageError
from mltrack.project import Project
from mltrack.runners import kinds
from mltrack.runners.kind import Kind, Surroundings
from mltrack.runners.names import LOCAL
from mltrack.runners.runner import Runner
from mltrack.verbs.handed_over import noted_place


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """A runner as it is set up; ``hosts`` are empty for this machine."""

    name: str
    kind: str
    hosts: tuple[str, ...]
    is_default: bool


class ProjectRunners:
    """The runners of a project, by name; none is connected to before it is used. See
    :class:`mltrack.engine.placement.Runners`.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._kinds: dict[str, Kind] = {}

    def open(self, name: str) -> Runner:
        return self._kind(name).open(name, self._given(name), self._surroundings())

    def open_surviving(self, name: str) -> Runner:
        return self._kind(name).open_surviving(
            name, self._given(name), self._surroundings()
        )

    def is_surviving(self, name: str, key: str) -> bool:
        return self._kind(name).has_surviving(self._given(name), key)

    def handed_over_to(self, key: str) -> str:
        return noted_place(self._project, key)[0]

    def _kind(self, name: str) -> Kind:
        if name not in self._kinds:  # it is asked for with each stage
            self._kinds[name] = kinds.find(name, self._given(name))
        return self._kinds[name]

    def _given(self, name: str) -> dict[str, Any]:
        return self._project.settings.runner(name)

    def _surroundings(self) -> Surroundings:
        # a cache of its own, since a runner works in other threads
        return Surroundings(
            self._project.path, self._project.jobs_path, self._project.cache.twin()
        )


class OneRunner:
    """A runner that stands for all."""

    def __init__(self, only: Runner) -> None:
        self._only = only

    def open(self, name: str) -> Runner:
        return self._only

    def open_surviving(self, name: str) -> Runner:
        return self._only

    def is_surviving(self, name: str, key: str) -> bool:
        return False

    def handed_over_to(self, key: str) -> str:
        return ""


def check_name(project: Project, name: str) -> None:
    """Raises UsageError, with the nearest name, if there is no such runner."""
    known = [info.name for info in list_runners(project)]
    if name not in known and not project.settings.runner(name):
        near = nearest(name, known)
        raise UsageError(
            f"there is no runner {name!r}",
            hint=near or f"mltrack runner add {name} HOST, or `mltrack runner list`",
        )


def placement(
    project: Project,
    asked: str = "",
    *,
    detaches: bool = False,
    only: Runner | None = None,
) -> Placement:
    """Returns what places the stages of a project; on ``only``, if given, whatever they
    name.
    """
    runners = OneRunner(only) if only is not None else ProjectRunners(project)
    return Placement(runners, project.settings.text("repro.runner"), asked, detaches)


def list_runners(project: Project) -> list[RunnerInfo]:
    """Returns this machine, and all runners that are set up."""
    default = project.settings.text("repro.runner")
    found = [RunnerInfo(LOCAL, LOCAL, (), default == LOCAL)]
    for name in project.settings.runners():
        given = project.settings.runner(name)
        if name != LOCAL and given.get("type"):
            found.append(
                RunnerInfo(
                    name,
                    str(given["type"]),
                    tuple(given.get("hosts") or ()),
                    default == name,
                )
            )
    return found
