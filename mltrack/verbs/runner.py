"""``runner``: the places where stages run, by name."""

import os
import re
from contextlib import closing

from mltrack.config import edit, places
from mltrack.config.settings import FILE_NAME, LOCAL_NAME
from mltrack.errors import UsageError
from mltrack.project import DIRECTORY, Project, load
from mltrack.runners.connection import check_host
from mltrack.runners.job import MachineReport
from mltrack.runners.names import LOCAL
from mltrack.verbs.places import ProjectRunners, RunnerInfo

# it becomes part of a key in the config
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


def add(
    project: Project,
    name: str,
    hosts: tuple[str, ...],
    *,
    local: bool = False,
    force: bool = False,
) -> RunnerInfo:
    """Names an ssh runner of one or more hosts in the project's config, or with
    ``local`` in this clone's own.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"not a name for a runner: {name!r}", hint="letters, digits, '-' and '_'"
        )
    if name == LOCAL:
        raise UsageError(
            "'local' is this machine, and is always there",
            hint="mltrack config --local runner.local.gpus 2",
        )
    if project.settings.runner(name).get("type") and not force:
        raise UsageError(
            f"there is a runner {name!r} already",
            hint=f"mltrack runner add --force {name} {' '.join(hosts)}",
        )
    # each becomes a word of a command line
    for host in hosts:
        check_host(host)
    path = (
        os.path.join(project.shared_path, LOCAL_NAME)
        if local
        else os.path.join(project.path, DIRECTORY, FILE_NAME)
    )
    edit.set_value(path, f"runner.{name}.type", "ssh")
    edit.set_value(path, f"runner.{name}.hosts", list(hosts))
    trust(load(project.path, project.cwd, project.repository), name)
    return RunnerInfo(name, "ssh", hosts, project.settings.text("repro.runner") == name)


def trust(project: Project, name: str) -> str:
    """Confirms the hosts of a runner; returns them as the user's own config remembers
    them.
    """
    if not project.settings.runner(name):
        raise UsageError(f"there is no runner {name!r}", hint="mltrack runner list")
    place = places.runner_place(project.settings.runner(name))
    places.trust(project.settings, place)
    return place


def remove(project: Project, name: str) -> None:
    """Forgets a runner: all that is set for it, here and in the project's config. Its
    hosts are not touched.
    """
    if name == LOCAL or not project.settings.runner(name):
        raise UsageError(
            f"there is no runner {name!r} to remove", hint="mltrack runner list"
        )
    for path in (
        os.path.join(project.shared_path, LOCAL_NAME),
        os.path.join(project.path, DIRECTORY, FILE_NAME),
    ):
        if os.path.exists(path):
            edit.unset(path, f"runner.{name}")


def check(project: Project, name: str) -> list[MachineReport]:
    """Returns what each machine of a runner has, and what is missing; raises
    ConfigError for an unknown runner, and UsageError for one whose hosts only the
    project's files name.
    """
    runner = ProjectRunners(project).open(name)
    # nothing is connected to yet: `open` only reads what is set
    if not places.is_trusted_runner(project.settings, name):
        raise UsageError(
            f"the runner {name!r} is "
            f"{places.runner_place(project.settings.runner(name))}: the project's "
            "files say so, "
            "and you have not yet",
            hint=f"mltrack runner trust {name}",
        )
    with closing(runner):
        return runner.report()
