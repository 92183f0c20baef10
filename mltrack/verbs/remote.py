"""``remote``: the places that push, fetch and pull know by name."""

import difflib
import os
import re
from dataclasses import dataclass

from mltrack.config import edit, places, schema
from mltrack.config.remotes import refuse_inside
from mltrack.config.settings import FILE_NAME, LOCAL_NAME, read_file
from mltrack.engine.remember import Remembered
from mltrack.errors import UsageError
from mltrack.formats.remote_url import shown
from mltrack.project import DIRECTORY, Project, load
from mltrack.store.kinds.opening import check_kind, kinds, split
from mltrack.store.shared.met import Met

# it becomes part of a key in the config, and of a path
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class RemoteInfo:
    name: str
    url: str
    is_default: bool
    origin: str


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How a remote is to be named: as the ``default`` one, in this clone's own config
    (``local``), in place of another one of that name (``force``).
    """

    default: bool = False
    local: bool = False
    force: bool = False


def add(project: Project, name: str, url: str, options: AddOptions) -> RemoteInfo:
    """Names a remote in the project's config, or in this clone's own; the first becomes
    the default.

    A relative directory is kept relative to the project, so that it means the same to
    every clone and worktree.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"not a name for a remote: {name!r}", hint="letters, digits, '-' and '_'"
        )
    known = project.settings.remotes()
    if name in known and not options.force:
        raise UsageError(
            f"there is a remote {name!r} already: {shown(known[name])}",
            hint=f"mltrack remote add --force {name} {shown(url)}",
        )
    scheme = check_kind(url)
    _, path = split(url)
    kept = url
    if scheme == "file" and not os.path.isabs(path) and not path.startswith("~"):
        kept = os.path.relpath(
            os.path.join(project.cwd, path), os.path.dirname(project.shared_path)
        )
    # what stands in the repository may come from a commit
    if scheme == "file":
        refuse_inside(
            os.path.normpath(os.path.join(project.cwd, os.path.expanduser(path))),
            project.repository.top,
        )
    # before the new address: what was heard of the old place is not true of it
    _met(project, name).forget()
    path = _config(project, local=options.local)
    edit.set_value(path, f"remote.{name}.url", kept)
    _trust_typed(project, name, "url")
    is_default = options.default or not known
    if is_default:
        edit.set_value(path, "core.remote", name)
    return RemoteInfo(name, kept, is_default, path)


def trust(project: Project, name: str) -> str:
    """Confirms where a remote leads; returns the place, which the user's own config
    remembers.
    """
    _known(project, name)
    place = places.place_of(project.settings.remote(name))
    places.trust(project.settings, place)
    return place


def _trust_typed(project: Project, name: str, key: str) -> None:
    places.trust_typed(
        load(project.path, project.cwd, project.repository).settings, name, key
    )


def is_tested(url: str) -> bool:
    """Returns whether the project's own tests try remotes of this kind."""
    return split(url)[0] in kinds()


def list_remotes(project: Project) -> list[RemoteInfo]:
    """Returns the remotes by name, with the place where each is set."""
    default = project.settings.text("core.remote")
    return [
        RemoteInfo(
            name,
            shown(url),
            name == default,
            project.settings.origin(f"remote.{name}.url").origin,
        )
        for name, url in sorted(project.settings.remotes().items())
    ]


def remove(project: Project, name: str) -> None:
    """Forgets a remote; nothing in it is touched."""
    _known(project, name)
    # as in `modify`: what an earlier version parsed may hold a secret
    Remembered(project.index_path).forget()
    _met(project, name).forget()
    for path in (_config(project, local=False), _config(project, local=True)):
        if os.path.exists(path):
            edit.unset(path, f"remote.{name}")
            # of each file by itself: this clone's default may be another than all's
            values = read_file(path, Remembered(project.index_path)).values
            if values.get("core.remote") == name:
                edit.unset(path, "core.remote")


def modify(
    project: Project, name: str, key: str, text: str | None, *, local: bool = False
) -> str:
    """Sets one option of a remote, or removes it for None; returns the file that holds
    it.

    What a clone must not bring along (secrets, paths of this machine) goes into the
    clone's own config in any case.
    """
    _known(project, name)
    options = schema.remote_settings()
    if key not in options:
        close = difflib.get_close_matches(key, options, n=1)
        raise UsageError(
            f"a remote has no option {key!r}",
            hint=f"did you mean {close[0]!r}?"
            if close
            else f"options: {', '.join(options)}",
        )
    full = f"remote.{name}.{key}"
    is_local = local or schema.find(full).private
    path = _config(project, local=is_local)
    # what an earlier version parsed may hold a secret
    Remembered(project.index_path).forget()
    if text is None:
        if not edit.unset(path, full):
            raise UsageError(
                f"{full} is not set in {path}", hint="mltrack config --origin"
            )
        return path
    if key == "url":
        check_kind(text)
        # before the new address: what was heard of the old place is not true of it
        _met(project, name).forget()
    edit.set_value(path, full, schema.parse(full, text, full))
    _trust_typed(project, name, key)
    return path


def rename(project: Project, old: str, new: str) -> None:
    """Gives a remote another name, in all files that speak of it; nothing in it is
    touched.
    """
    _known(project, old)
    if not _NAME.match(new):
        raise UsageError(
            f"not a name for a remote: {new!r}", hint="letters, digits, '-' and '_'"
        )
    if new in project.settings.remotes():
        raise UsageError(
            f"there is a remote {new!r} already", hint=f"mltrack remote remove {new}"
        )
    for local in (False, True):
        path = _config(project, local=local)
        values = read_file(path, Remembered(project.index_path)).values
        for key, value in values.items():
            if key.startswith(f"remote.{old}."):
                # before the old name goes: after a kill both lead there
                edit.set_value(
                    path, f"remote.{new}." + key.removeprefix(f"remote.{old}."), value
                )
        if values.get("core.remote") == old:
            edit.set_value(path, "core.remote", new)
        if any(key.startswith(f"remote.{old}.") for key in values):
            edit.unset(path, f"remote.{old}")
    _met(project, old).rename(_met(project, new))


def set_default(project: Project, name: str, *, local: bool = False) -> None:
    """Makes a remote the one that is used where none is named."""
    _known(project, name)
    edit.set_value(_config(project, local=local), "core.remote", name)


def _met(project: Project, name: str) -> Met:
    return Met(
        os.path.join(project.index_path, "remotes", name),
        os.path.join(project.remote_ids_path, name),
    )


def _known(project: Project, name: str) -> None:
    if name not in project.settings.remotes():
        known = ", ".join(sorted(project.settings.remotes())) or "none"
        raise UsageError(
            f"there is no remote {name!r} (known: {known})", hint="mltrack remote list"
        )


def _config(project: Project, *, local: bool) -> str:
    return (
        os.path.join(project.shared_path, LOCAL_NAME)
        if local
        else os.path.join(project.path, DIRECTORY, FILE_NAME)
    )
