"""``init``: makes a project, or fits a clone of one with hooks and merge drivers."""

import enum
import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from mltrack import project as projects
from mltrack.config import edit
from mltrack.config.settings import FILE_NAME
from mltrack.disk.durable import make_directories, write_atomic
from mltrack.errors import FormatError, PipelineError, WorkspaceError
from mltrack.git import hooks
from mltrack.git import repository as git
from mltrack.git.hooks import Left
from mltrack.git.ignored import is_ignored
from mltrack.objects.digest import algorithm
from mltrack.verbs.drivers import drive_outputs
from mltrack.verbs.session import Session


@dataclass(frozen=True, slots=True)
class InitResult:
    """Where the project is, whether it was made now, which hooks stand, and which were
    left with a line to add.

    ``shared_hooks`` is the directory of hooks outside the repository where nothing was
    written; ``is_ignored`` says that git would not keep the project's config. ``seen``
    are lines that ``.git/info/exclude`` lacks, and that are left to the person.
    """

    path: str
    created: bool
    hooks: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    shared_hooks: str = ""
    is_ignored: bool = False
    seen: str = ""


class Hooks(enum.Enum):
    """Where hooks may be installed."""

    NOWHERE = "nowhere"
    HERE = "in this clone"
    EVERYWHERE = "also where the user's other repositories have theirs"


def init(
    start: str,
    *,
    hash_name: str | None = None,
    where: Hooks = Hooks.HERE,
    below: bool = False,
) -> InitResult:
    """Makes ``start`` a project. In a clone that is one already, installs hooks and
    drivers and touches nothing else.

    Below a project, that one is meant, unless ``below`` asks for another. Raises
    WorkspaceError where the config is committed and not checked out: a new one would
    take its place.
    """
    path = os.path.abspath(start)
    repository = git.find(path)
    if repository is None:
        raise WorkspaceError(
            f"{path} is not in a git repository: mltrack works beside git",
            hint="git init",
        )
    path = path if below else projects.above(path, repository) or path
    projects.refuse_unseen(path, repository, own_only=below)
    config_path = os.path.join(path, projects.DIRECTORY, FILE_NAME)
    # a link that leads nowhere counts: it is not ours to write through
    created = not os.path.lexists(config_path)
    if created:
        _create(path, config_path, hash_name or "xxh3")
    else:
        present = projects.load(path, path, repository).algorithm.name
        if hash_name not in (None, present):
            raise WorkspaceError(
                f"this project uses {present} digests already, and they are never mixed"
            )
    seen = projects.hide(path, repository)
    is_unkept = created and is_ignored(
        os.path.join(projects.DIRECTORY, FILE_NAME), path
    )
    if where is Hooks.NOWHERE:
        return InitResult(path, created, is_ignored=is_unkept, seen=seen)
    installed = hooks.install(
        repository, sys.executable, everywhere=where is Hooks.EVERYWHERE
    )
    # commands that need the pipeline say what is wrong with it
    with suppress(FormatError, PipelineError):
        drive_outputs(Session(projects.load(path, path, repository)))
    return InitResult(
        path,
        created,
        tuple(installed.hooks),
        tuple(installed.left),
        installed.outside,
        is_ignored=is_unkept,
        seen=seen,
    )


def _create(path: str, config_path: str, hash_name: str) -> None:
    # raises for a name that there is not, before anything is made
    algorithm(hash_name)
    own = os.path.dirname(config_path)
    # a link would lead each later write elsewhere
    if os.path.islink(own):
        raise WorkspaceError(f"{own} is a symbolic link", hint="remove it")
    make_directories(own)
    write_atomic(os.path.join(own, ".gitignore"), projects.IGNORED.encode())
    attributes = os.path.join(path, ".gitattributes")
    before = b""
    if os.path.exists(attributes):
        with open(attributes, "rb") as file:
            before = file.read()
    text = hooks.include_attributes(before.decode("utf-8", "surrogateescape"))
    write_atomic(attributes, text.encode("utf-8", "surrogateescape"))
    # last: with this file the directory is a project
    edit.set_value(config_path, "core.hash", hash_name)
