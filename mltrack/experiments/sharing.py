"""Experiments between clones: their refs by git, the bytes that they name by mltrack's
remote. What has the same name elsewhere and is another experiment is never overwritten.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mltrack.engine.pipelines import nearest
from mltrack.errors import UsageError
from mltrack.experiments.keeping import done
from mltrack.experiments.record import State
from mltrack.experiments.shelf import Shelf
from mltrack.git import remotes
from mltrack.git.history import EXPERIMENTS
from mltrack.store.shared.transfer import Report
from mltrack.verbs import transfers
from mltrack.verbs.session import Session


class Exchanged(NamedTuple):
    """The experiments that went over, those that were there already, and those of which
    the other side has another one of the same name.
    """

    names: tuple[str, ...]
    known: tuple[str, ...]
    different: tuple[str, ...]


def git_remote(session: Session, wanted: str) -> str:
    """Returns the remote of git's that is meant: the one that is named, ``origin``, or
    the only one there is.
    """
    known = [name for name, _ in remotes.remote_urls(session.project.path)]
    if wanted:
        return wanted
    if "origin" in known or len(known) == 1:
        return "origin" if "origin" in known else known[0]
    raise UsageError(
        "git has no remote here" if not known else "git has several remotes here",
        hint="git remote add origin URL" if not known else "--git-remote NAME",
    )


def push(
    session: Session, chosen: Sequence[str], wanted: str, remote: str, report: Report
) -> tuple[Exchanged, transfers.TransferResult | None]:
    """Sends experiments, all that are done by default: bytes first, then the refs that
    name them. Nothing is sent to mltrack's remote where none is set up.
    """
    shelf = Shelf(session.project)
    names = (
        [done(shelf, name).name for name in dict.fromkeys(chosen)]
        if chosen
        else [one.name for one in shelf.kept()]
    )
    to = git_remote(session, wanted)
    top = session.project.repository.top
    there = remotes.refs_at(to, EXPERIMENTS, top)
    here = {one.name: one.commit for one in shelf.kept()}
    sorted_ = _sorted(names, here, there)
    moved = None
    # also of those whose refs are there: their bytes may not be
    ours = (*sorted_.names, *sorted_.known)
    if ours and session.project.settings.remotes():
        scope = transfers.Scope(revisions=ours, remote=remote)
        moved = transfers.push(session, scope, report)
    if sorted_.names:
        remotes.push_refs(to, [EXPERIMENTS + name for name in sorted_.names], top)
    return sorted_, moved


def fetch(session: Session, chosen: Sequence[str], wanted: str) -> Exchanged:
    """Brings the refs of experiments, all by default, that are not here."""
    shelf = Shelf(session.project)
    source = git_remote(session, wanted)
    top = session.project.repository.top
    there = remotes.refs_at(source, EXPERIMENTS, top)
    known = [name.removeprefix(EXPERIMENTS) for name in there]
    for name in chosen:
        if name not in known:
            raise UsageError(
                f"{source} has no experiment {name!r}", hint=nearest(name, known)
            )
    taken = {one.name: one.commit for one in shelf.all()}
    by_ref = {EXPERIMENTS + name: commit or "-" for name, commit in taken.items()}
    commits = {name.removeprefix(EXPERIMENTS): one for name, one in there.items()}
    found = _sorted(list(dict.fromkeys(chosen)) or known, commits, by_ref)
    if found.names:
        remotes.fetch_refs(source, [EXPERIMENTS + name for name in found.names], top)
    return found


def pull(
    session: Session, chosen: Sequence[str], wanted: str, remote: str, report: Report
) -> tuple[Exchanged, transfers.FetchResult | None]:
    """Brings experiments with the bytes that they name."""
    found = fetch(session, chosen, wanted)
    names = tuple(chosen) or (*found.names, *found.known)
    here = {one.name for one in Shelf(session.project).all() if one.state is State.DONE}
    revisions = tuple(name for name in names if name in here)
    if not revisions or not session.project.settings.remotes():
        return found, None
    scope = transfers.Scope(revisions=revisions, remote=remote)
    return found, transfers.fetch(session, scope, report)


def _sorted(
    names: Sequence[str], commits: dict[str, str], others: dict[str, str]
) -> Exchanged:
    fresh, known, different = [], [], []
    for name in names:
        other = others.get(EXPERIMENTS + name)
        if other is None:
            fresh.append(name)
        elif other == commits.get(name):
            known.append(name)
        else:
            different.append(name)
    return Exchanged(tuple(fresh), tuple(known), tuple(different))
