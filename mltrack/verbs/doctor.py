"""``doctor``: what is in order, what is not, and what to do about it. Looks, and
changes nothing.
"""

import os
import shutil
from contextlib import closing

from mltrack.config import places
from mltrack.disk import abilities
from mltrack.disk.cloning import shares_blocks
from mltrack.errors import MltrackError
from mltrack.git import hooks
from mltrack.runners.names import LOCAL
from mltrack.runners.sandbox import can_bind
from mltrack.runners.tracing import has_strace
from mltrack.verbs.machine import Check, extras, programs
from mltrack.verbs.places import ProjectRunners
from mltrack.verbs.session import Session


def doctor(session: Session) -> list[Check]:
    """Returns all checks of this project and machine."""
    project = session.project
    checks = [
        *programs(),
        *_abilities(),
        Check("project", "ok", f"{project.path} ({project.algorithm.name} digests)"),
        extras(),
    ]
    checks += _hooks(session)
    checks += _cache(session)
    checks += _remotes(session)
    checks += _tracked(session)
    checks.append(_stages_of_this_machine(session))
    return checks


def _abilities() -> list[Check]:
    off = [ability.value for ability in abilities.missing()]
    if not off:
        return []
    return [
        Check(
            "system",
            "note",
            f"without {', '.join(off)}: done in other ways",
            f"unset {abilities.VARIABLE}" if abilities.VARIABLE in os.environ else "",
        )
    ]


def _hooks(session: Session) -> list[Check]:
    calls = hooks.called(session.project.repository)
    silent = [item for item in calls if not item.is_calling]
    if not silent:
        return [
            Check(
                "hooks",
                "ok",
                f"all of them call mltrack, in {os.path.dirname(calls[0].place)}",
            )
        ]
    if len(silent) == len(calls) and not any(
        os.path.lexists(item.place) for item in silent
    ):
        return [
            Check(
                "hooks",
                "note",
                "not installed: data does not follow `git checkout` by itself",
                "mltrack init",
            )
        ]
    return [
        Check(
            f"hook {item.hook}",
            "ok" if item.is_calling else "note",
            item.place if item.is_calling else f"{item.place} does not call mltrack",
            "" if item.is_calling else "mltrack init",
        )
        for item in calls
    ]


def _cache(session: Session) -> list[Check]:
    cache = session.project.cache
    if not os.path.isdir(cache.path):
        return [Check("cache", "ok", f"{cache.path} (empty)")]
    free = shutil.disk_usage(cache.path).free
    found = [Check("cache", "ok", f"{cache.path}, {free / 1e9:.1f} GB free")]
    if not os.access(cache.path, os.W_OK):
        found.append(
            Check(
                "cache",
                "bad",
                f"{cache.path} cannot be written",
                f"check the owner of {cache.path}",
            )
        )
    elif os.path.isdir(cache.tmp_path):
        # tried, since file systems do not say
        shares = shares_blocks(cache.tmp_path, session.project.tmp_path)
        about = (
            "shares blocks with the workspace"
            if shares
            else "files are copied: this file system has no reflinks"
        )
        found.append(
            Check(
                "links",
                "ok" if shares else "note",
                about,
                "" if shares else "XFS and Btrfs have them",
            )
        )
    damaged = cache.set_aside()
    if damaged:
        found.append(
            Check(
                "cache",
                "bad",
                f"{len(damaged)} damaged objects were set aside",
                "mltrack fsck --repair",
            )
        )
    return found


def _remotes(session: Session) -> list[Check]:
    project = session.project
    found = []
    for name in project.settings.remotes():
        try:
            # looking is the first thing one does with what came from elsewhere
            if not places.is_trusted(project.settings, name):
                place = places.place_of(project.settings.remote(name))
                found.append(
                    Check(
                        f"remote {name}",
                        "note",
                        f"{place}, not asked",
                        f"mltrack remote trust {name}",
                    )
                )
                continue
            remote = session.remotes.opened(name)
            found.append(Check(f"remote {name}", "ok", remote.url))
        except MltrackError as error:
            found.append(Check(f"remote {name}", "bad", error.message, error.hint))
    return found or [
        Check(
            "remotes",
            "note",
            "none: the data exists on this machine only",
            "mltrack remote add NAME DIRECTORY",
        )
    ]


def _stages_of_this_machine(session: Session) -> Check:
    """What `repro` finds here."""
    settings = session.project.settings
    # a project may give the name to hosts of its own
    if not places.is_trusted_runner(settings, LOCAL):
        place = places.runner_place(settings.runner(LOCAL))
        return Check(
            "running",
            "note",
            f"the runner {LOCAL!r} is {place}, not asked",
            f"mltrack runner trust {LOCAL}",
        )
    try:
        # this machine as jobs would see it: what is set for it counts
        with closing(ProjectRunners(session.project).open(LOCAL)) as runner:
            capacity = runner.abilities.capacity
    except MltrackError as error:
        return Check("running", "bad", error.message, error.hint)
    parts = [
        f"{capacity['cpus']:.0f} cpus, {capacity['memory'] / 1e9:.0f} GB, "
        f"{capacity['gpus']:.0f} gpus"
    ]
    parts.append(
        "sandbox by bubblewrap" if can_bind() else "sandbox by copies (no bubblewrap)"
    )
    parts.append(
        "tracing by Python's hook or strace"
        if has_strace()
        else "tracing by Python's hook (no strace)"
    )
    return Check("running", "ok", "; ".join(parts))


def _tracked(session: Session) -> list[Check]:
    try:
        view = session.view
        count = len(view.graph.stages)
    except MltrackError as error:
        return [Check("files", "bad", error.message, error.hint)]
    found = [Check("tracked", "ok", f"{len(view.pointers)} paths, {count} stages")]
    loose = [
        stage.address
        for stage in view.graph.stages.values()
        if not (stage.env.lock or stage.env.image) and not stage.frozen
    ]
    if loose:
        shown = ", ".join(loose[:5]) + (" …" if len(loose) > 5 else "")
        found.append(
            Check(
                "environment",
                "note",
                f"not pinned for: {shown}; a changed library is not noticed there",
                "add `env: {lock: uv.lock}` to the stage",
            )
        )
    return found
