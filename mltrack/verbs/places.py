"""The runners of a project, opened by name, and what places stages on them. What speaks to hosts is loaded where one is used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.engine.pipelines import nearest
from mltrack.engine.placement import Placement
from mltrack.errors import UsageError
from mltrack.project import Project
from mltrack.runners.names import LOCAL
from mltrack.runners.registry import Surroundings, has_detached, open_detached, open_hosts, open_runner
from mltrack.runners.runner import Runner
from mltrack.verbs.handed_over import noted_place

if TYPE_CHECKING:
    from mltrack.runners.hosts import HostRunner


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """A runner as it is set up; ``hosts`` are empty for this machine."""

    name: str
    kind: str
    hosts: tuple[str, ...]
    is_default: bool


def surroundings(project: Project) -> Surroundings:
    """Returns what every runner of a project is given."""
    return Surroundings(project.path, project.jobs_path, project.new_cache())


def open_named(project: Project, name: str) -> Runner:
    """Returns the runner of a name, not connected yet; raises ConfigError if there is none."""
    return open_runner(name, project.settings.runner(name), surroundings(project))


def check_name(project: Project, name: str) -> None:
    """Raises UsageError, with the nearest name, if there is no such runner."""
    known = [info.name for info in list_runners(project)]
    if name not in known and not project.settings.runner(name):
        near = nearest(name, known)
        raise UsageError(
            f"there is no runner {name!r}", hint=near or f"mltrack runner add {name} HOST, or `mltrack runner list`"
        )


def open_on_hosts(project: Project, name: str) -> "HostRunner":
    """Returns the runner of a name whose jobs survive: of its hosts, or of this machine; raises ConfigError if there is
    none."""
    return (
        open_here(project) if name == LOCAL else open_hosts(name, project.settings.runner(name), surroundings(project))
    )


def open_here(project: Project) -> "HostRunner":
    """Returns the runner of detached jobs on this machine."""
    return open_detached(project.settings.runner(LOCAL), surroundings(project))


def placement(project: Project, asked: str = "", *, detaches: bool = False, only: Runner | None = None) -> Placement:
    """Returns what places the stages of a project; on ``only``, if given, whatever they name."""
    given = project.settings.runner(LOCAL)
    return Placement(
        open=lambda name: only or open_named(project, name),
        open_detached=lambda: open_here(project),
        is_detached=lambda key: only is None and has_detached(given, key),
        noted=lambda key: noted_place(project, key)[0] if only is None else "",
        default=project.settings.text("repro.runner"),
        local=LOCAL,
        asked=asked,
        detaches=detaches,
    )


def list_runners(project: Project) -> list[RunnerInfo]:
    """Returns this machine, and all runners that are set up."""
    default = project.settings.text("repro.runner")
    found = [RunnerInfo(LOCAL, LOCAL, (), default == LOCAL)]
    for name in project.settings.runners():
        given = project.settings.runner(name)
        if name != LOCAL and given.get("type"):
            found.append(RunnerInfo(name, str(given["type"]), tuple(given.get("hosts") or ()), default == name))
    return found
