"""What a person does with experiments that are done: takes one over, keeps it as a
branch, names it, writes about it, lets it go.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from mltrack.disk.durable import link_atomic, write_atomic
from mltrack.engine.ignoring import IgnoreLines
from mltrack.engine.view import Target, revision_view
from mltrack.errors import UnsavedDataError, UsageError
from mltrack.experiments import record
from mltrack.experiments.base import workspace_base
from mltrack.experiments.record import Experiment, State, Values
from mltrack.experiments.shelf import Ask, Shelf, refuse_taken
from mltrack.experiments.trial import now
from mltrack.git import history, snapshot
from mltrack.git.history import EXPERIMENTS
from mltrack.objects.content import EXEC, FILE, Content
from mltrack.pipeline.plan import Verdict
from mltrack.pipeline.stage import is_outside
from mltrack.project import Project
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs import checkout as verb_checkout
from mltrack.verbs import planning, results
from mltrack.verbs.checkout import CheckoutOptions, CheckoutResult
from mltrack.verbs.session import Session
from mltrack.workspace.materialize import make_parents


class Applied(NamedTuple):
    """What the workspace took of an experiment: git's files, those among them of which
    it had none, and data.
    """

    files: tuple[str, ...]
    new: tuple[str, ...]
    data: CheckoutResult


def done(shelf: Shelf, name: str) -> Experiment:
    """Returns an experiment that is done; raises UsageError for any other."""
    one = shelf.get(name)
    if one.state is not State.DONE:
        raise UsageError(
            f"the experiment {name!r} is {one.state.value}: it has no result yet",
            hint=f"mltrack exp start {name}",
        )
    return one


def at(session: Session, shelf: Shelf, name: str) -> Experiment:
    """Returns an experiment, or what a revision of git's records as if it were one.
    Raises UsageError where neither is called so.
    """
    if shelf.has(name) or not snapshot.is_known(name, session.project.path):
        return shelf.get(name)
    commit = history.resolve(name, session.project.path)
    return Experiment(
        name=name,
        base=commit,
        head=commit,
        state=State.DONE,
        params=results.params(session, commit),
        metrics=results.metrics(session, commit),
        commit=commit,
    )


def apply(session: Session, shelf: Shelf, name: str, *, force: bool) -> Applied:
    """Makes the workspace have the files of an experiment, and its data and outputs.
    Files that it lacks stay.

    Raises UnsavedDataError, and changes nothing, where that would replace what neither
    HEAD nor an experiment has; with ``force`` that is saved first, and
    ``undo`` puts it back.
    """
    one = done(shelf, name)
    project = session.project
    wanted = _differing(session, shelf, one)
    unsaved = [path for path, is_saved in wanted.items() if not is_saved]
    if unsaved and not force:
        shown = ", ".join(unsaved[:5])
        more = f" and {len(unsaved) - 5} more" if len(unsaved) > 5 else ""
        raise UnsavedDataError(
            f"these have changes that no commit has: {shown}{more}",
            hint="git commit, or --force: `mltrack undo` then puts them back",
        )
    before = {target.path: target.content for target in session.view.targets().values()}
    view = revision_view(one.commit, project.path, project.algorithm)
    targets = [
        target
        for target in view.targets().values()
        if not target.content.same_bytes(before.get(target.path))
    ]
    if not force:
        _refuse_unsaved(session, targets)
    new = tuple(path for path in wanted if not os.path.lexists(project.absolute(path)))
    _note_replaced(session, list(wanted), targets)
    _put_files(session, one.commit, list(wanted))
    with Session(replace(project)) as fresh:
        stages = fresh.view.graph.stages.values()
        IgnoreLines(project.path, fresh.edit_text).follow(stages)
        paths = {target.path for target in targets}
        chosen = [
            target for target in fresh.view.targets().values() if target.path in paths
        ]
        options = CheckoutOptions(force=force)
        result = verb_checkout.checkout_targets(fresh, chosen, options, recorded=before)
    return Applied(tuple(wanted), new, result)


def _differing(session: Session, shelf: Shelf, one: Experiment) -> dict[str, bool]:
    """The files of git's in which the workspace differs from an experiment, each with
    whether what stands there is saved: by HEAD, by the experiment's base, or by another
    experiment, as after it was applied.
    """
    project = session.project
    base = workspace_base(session)
    found = {
        path: blob
        for path, blob in snapshot.differing(
            base.tree, one.commit, project.path
        ).items()
        # the project's settings are no part of what was tried
        if not path.startswith(".mltrack/")
    }
    commits = [base.head, one.base, *(kept.commit for kept in shelf.kept())]
    saved = snapshot.blobs_at(commits, list(found), project.path)
    return {path: not blob or blob in saved[path] for path, blob in found.items()}


def _refuse_unsaved(session: Session, targets: Sequence[Target]) -> None:
    for target in targets:
        plan = session.checkout.plan(target.path, target.content)
        session.checkout.refuse_conflicts(target.path, plan)


def _note_replaced(
    session: Session, paths: Sequence[str], targets: Sequence[Target]
) -> None:
    """Notes what stands where files and targets are about to be replaced, once the
    cache has it: ``undo`` puts all of it back together.
    """
    replaced: list[tuple[str, Content]] = []
    with CacheWriter(session.project.cache) as writer:
        for path in paths:
            data = session.project.read(path)
            if data is not None:
                place = session.project.absolute(path)
                kind = EXEC if os.access(place, os.X_OK) else FILE
                replaced.append((path, Content(kind, writer.put(data), len(data))))
        writer.finish()
    for target in targets:
        standing = session.observer.tracked(target.path)
        if standing is not None:
            content = standing.content
            if not session.project.cache.holds(content):
                session.checkout.save(target.path)
            replaced.append((target.path, content))
    if replaced:
        session.trash.note(replaced)


def _put_files(session: Session, commit: str, paths: Sequence[str]) -> None:
    """Writes files of a commit into the workspace."""
    project = session.project
    for entry in snapshot.checked_out(commit, list(paths), project.path):
        place = project.absolute(entry.path)
        # also sees that no directory above it is a link
        make_parents(project.path, entry.path)
        if entry.is_link:
            link_atomic(place, entry.data, project.tmp_path)
        else:
            write_atomic(place, entry.data, aside=project.tmp_path, mode=entry.mode)


def branch(project: Project, shelf: Shelf, name: str, wanted: str) -> str:
    """Makes a branch of an experiment; returns its commit. Raises UsageError for a name
    that is taken or no branch's.
    """
    one = done(shelf, name)
    top = project.repository.top
    ref = snapshot.branch_ref(wanted, top)
    snapshot.change_refs([(ref, one.commit, "")], top)
    return one.commit


def rename(project: Project, shelf: Shelf, old: str, new: str) -> None:
    """Gives an experiment another name."""
    one = shelf.get(old)
    shelf.check_name(new)
    refuse_taken(new, shelf.taken())
    if one.state is State.RUNNING:
        raise UsageError(f"the experiment {old!r} is under way")
    if one.state is not State.DONE:
        shelf.put(replace(one, name=new))
        shelf.forget(old)
        return
    top = project.repository.top
    commit = snapshot.reworded(one.commit, record.message(replace(one, name=new)), top)
    # both at once: there is no moment at which it has no name
    snapshot.change_refs(
        [(EXPERIMENTS + new, commit, ""), (EXPERIMENTS + old, "", one.commit)], top
    )


def describe(
    project: Project, shelf: Shelf, name: str, *, note: str | None, tags: Sequence[str]
) -> Experiment:
    """Writes a note about an experiment, None for the one it has, and adds tags; a tag
    behind a dash is taken away.
    """
    one = shelf.get(name)
    gone = {tag[1:] for tag in tags if tag.startswith("-")}
    new = [tag for tag in tags if not tag.startswith("-")]
    kept = tuple(tag for tag in dict.fromkeys((*one.tags, *new)) if tag not in gone)
    changed = replace(one, note=one.note if note is None else note, tags=kept)
    if one.state is State.DONE:
        top = project.repository.top
        commit = snapshot.reworded(one.commit, record.message(changed), top)
        snapshot.change_refs([(EXPERIMENTS + name, commit, one.commit)], top)
    elif one.state is State.RUNNING:
        raise UsageError(f"the experiment {name!r} is under way")
    else:
        shelf.put(changed)
    return changed


def remove(project: Project, shelf: Shelf, chosen: Sequence[str]) -> list[Experiment]:
    """Lets experiments go; a done one's commit stays in git until that forgets it."""
    found = [shelf.get(name) for name in dict.fromkeys(chosen)]
    for one in found:
        if one.state is State.RUNNING:
            raise UsageError(
                f"the experiment {one.name!r} is under way",
                hint=f"mltrack exp stop {one.name}",
            )
    changes = [
        (EXPERIMENTS + one.name, "", one.commit)
        for one in found
        if one.state is State.DONE
    ]
    snapshot.change_refs(changes, project.repository.top)
    for one in found:
        shelf.forget(one.name)
    shelf.tidy()
    return found


def save(
    session: Session, shelf: Shelf, name: str, note: str, tags: Sequence[str]
) -> Experiment:
    """Makes an experiment of the workspace as it stands: its files, params and metrics,
    and the outputs that its locks name.
    """
    base = workspace_base(session)
    project = session.project
    moment = now()
    params, before = results.params(session), results.params(session, base.head)
    given: Values = {
        path: {
            key: value
            for key, value in values.items()
            if before.get(path, {}).get(key) != value
        }
        for path, values in params.items()
    }
    one = Experiment(
        name=name,
        base=base.commit,
        head=base.head,
        inner=project.inner,
        given={path: values for path, values in given.items() if values},
        note=note,
        tags=tuple(tags),
        created=moment,
        started=moment,
        ended=moment,
        state=State.DONE,
        params=params,
        metrics=results.metrics(session),
    )
    refuse_taken(name, shelf.taken())
    shelf.finish([(one, {})])
    return one


def ask(shelf: Shelf, chosen: Sequence[str], what: Ask) -> dict[str, str]:
    """Asks for the end of experiments, all that are under way by default; returns what
    became of each. To cancel one that waits takes it out of the queue. Raises UsageError
    for one that has ended.
    """
    found = (
        [shelf.get(name) for name in dict.fromkeys(chosen)]
        if chosen
        else [one for one in shelf.waiting() if one.state is State.RUNNING]
    )
    became = {}
    if found and not chosen:
        # what waits would be taken next
        for one in shelf.waiting():
            if one.state is State.QUEUED:
                shelf.ask(one.name, what)
    for one in found:
        if one.state is State.RUNNING:
            shelf.ask(one.name, what)
            became[one.name] = f"asked to {what.value}"
        elif what is Ask.CANCEL and one.state is not State.DONE:
            shelf.forget(one.name)
            became[one.name] = "taken out of the queue"
        else:
            raise UsageError(f"the experiment {one.name!r} is {one.state.value}")
    return became


def outdated_stages(session: Session) -> list[str]:
    """Returns the stages whose results are of other inputs than those that stand here."""
    plan = planning.make_plan(session, list(session.view.graph.stages))
    return [
        step.stage.address for step in plan.steps if step.verdict is not Verdict.SKIP
    ]


def unrecorded_outputs(session: Session) -> list[str]:
    """Returns outputs that differ from what the locks say: no experiment has them."""
    found = []
    for target in session.view.targets().values():
        if target.is_output and not is_outside(target.path):
            snapshot_ = session.observer.tracked(target.path)
            if snapshot_ is not None and not snapshot_.content.same_bytes(
                target.content
            ):
                found.append(target.path)
    return found
