"""``checkout``: makes tracked data and outputs be what pointers and locks say."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from mltrack.disk.lock import NameLocks
from mltrack.engine.claims import place_lock
from mltrack.engine.ignoring import IgnoreLines, Lacking
from mltrack.engine.view import Target
from mltrack.errors import (
    LockedError,
    MissingObjectError,
    MltrackError,
    UnsavedDataError,
)
from mltrack.git.ignored import ignored_by_rule
from mltrack.objects.content import Content
from mltrack.store.shared.hints import hinted_among
from mltrack.verbs.session import STAGE_LOCKS, Session
from mltrack.workspace.checkout import MAX_NAMED, Absent, no_progress
from mltrack.workspace.checkout_plan import CheckoutPlan

Progress = Callable[[str, int, int], None]


# failures of one kind that are named one by one
_FEW = 3


class CheckoutOptions(NamedTuple):
    """How a checkout is asked for. ``force`` replaces what is not saved elsewhere, once
    it is saved; ``absent`` is what to do about what the cache lacks.
    """

    force: bool = False
    dry_run: bool = False
    absent: Absent = Absent.REFUSE
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """One target: how many files were written and removed, which were left because only
    the workspace has them, and which because the cache lacks their bytes.
    """

    path: str
    written: int
    removed: int
    kept: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckoutResult:
    done: tuple[CheckedOut, ...]
    failed: tuple[tuple[str, MltrackError], ...] = ()
    saved: tuple[tuple[str, str], ...] = field(default=())
    """Paths whose unsaved bytes were saved to the cache before ``force`` replaced them,
    with their digests.
    """
    stayed: tuple[str, ...] = ()
    """Outputs that were left on the host that made them."""
    aside: tuple[tuple[str, str], ...] = ()
    """What no version can hold, a link or a pipe, and where ``force`` moved it before
    it was replaced.
    """
    seen: tuple[Lacking, ...] = ()
    """What git sees, now that it is here: no ignore file of this version names it."""
    not_here: Mapping[str, int] = field(default_factory=dict)
    """Of those that failed, the ones of which the cache lacks something, with the bytes
    that all of each holds.
    """


def checkout(
    session: Session, arguments: list[str], options: CheckoutOptions
) -> CheckoutResult:
    """Checks out targets, all by default. A target in which both sides changed is left
    alone and returned as failed.
    """
    return checkout_targets(session, session.select(arguments), options)


def checkout_targets(
    session: Session,
    targets: list[Target],
    options: CheckoutOptions,
    *,
    gone: tuple[Target, ...] = (),
    recorded: Mapping[str, Content] | None = None,
) -> CheckoutResult:
    """See :func:`checkout`, for targets that are chosen already. ``gone`` are targets
    that are tracked no more: their files are removed where nothing is lost by it.
    ``recorded`` is what was recorded of the targets before.
    """
    wanted: list[tuple[Target, Content | None]] = [
        (target, target.content) for target in targets
    ]
    wanted += [(target, None) for target in gone]
    # in this order, as everywhere: two commands never wait for each other
    with session.project.cache.in_use(), _locks(session, [*targets, *gone]) as running:
        work = _Work(session, running, options, recorded or {})
        for target, content in wanted:
            try:
                work.check_out(target, content)
            except MltrackError as error:
                work.failed.append((target.path, error))
    lacking = {
        path for path, error in work.failed if isinstance(error, MissingObjectError)
    }
    not_here = {
        target.path: content.size
        for target, content in wanted
        if target.path in lacking and content is not None
    }
    # what was written just now; git need not be asked about the rest
    brought = {item.path for item in work.done if item.written and not options.dry_run}
    seen = seen_by_git(
        session, [target for target in targets if target.path in brought]
    )
    return CheckoutResult(
        tuple(work.done),
        tuple(work.failed),
        tuple(work.saved),
        tuple(work.stayed),
        tuple(work.aside),
        tuple(seen),
        not_here,
    )


@dataclass(slots=True)
class _Work:
    """One checkout of several targets: how it was asked for, and what became of them."""

    session: Session
    running: NameLocks | None
    options: CheckoutOptions
    recorded: Mapping[str, Content]
    done: list[CheckedOut] = field(default_factory=list)
    failed: list[tuple[str, MltrackError]] = field(default_factory=list)
    saved: list[tuple[str, str]] = field(default_factory=list)
    stayed: list[str] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)

    def check_out(self, target: Target, content: Content | None) -> None:
        """Brings one target along; None wants nothing there any more."""
        session = self.session
        # left on its host on purpose: that it is not here is no change
        if (
            content is not None
            and session.left.has(content)
            and not session.project.cache.holds(content)
        ):
            self.stayed.append(target.path)
            return
        _refuse_running(target, self.running)
        # read again, now that no stage is at work: a repro may have ended since
        if content is not None and not target.owner:
            content = session.recorded_now(target)
            if content is None:
                return  # it is tracked no more: what stands there is not ours to touch
        options = self.options
        if options.force and not options.dry_run and not target.owner:
            self.aside += _move_aside(session, target.path)
        plan = session.checkout.plan(
            target.path,
            content,
            force=options.force,
            absent=options.absent,
            recorded=self.recorded.get(target.path),
        )
        session.checkout.refuse_conflicts(target.path, plan)
        if not options.dry_run:
            self.saved += carry_out(session, target, content, plan, options.progress)
        self.done.append(_summary(target.path, plan))


def seen_by_git(session: Session, targets: list[Target]) -> list[Lacking]:
    """Returns those of the targets that a `git add` would take: a commit left out the
    ignore file that names them.

    Nothing is mended here: a checkout that changed committed files would keep git from
    the next one.
    """
    stages = (
        session.view.graph.stages if any(target.is_output for target in targets) else {}
    )
    declaring = {address: stage.pipeline_path for address, stage in stages.items()}
    kept = [
        (declaring.get(target.source, target.source), target.owner or target.path)
        for target in targets
    ]
    lines = IgnoreLines(session.project.path, session.edit_text)
    lacking = lines.lacking(dict.fromkeys(kept))
    hidden = set(ignored_by_rule([item.path for item in lacking], session.project.path))
    return [item for item in lacking if item.path not in hidden]


@contextmanager
def _locks(session: Session, targets: list[Target]) -> Iterator[NameLocks | None]:
    """The locks of stages, where they can be taken here."""
    locks = None
    if targets:
        with suppress(OSError):  # a project that cannot be written has no stage at work
            locks = NameLocks(os.path.join(session.project.tmp_path, STAGE_LOCKS))
    try:
        yield locks
    finally:
        if locks is not None:
            locks.close()


def _refuse_running(target: Target, locks: NameLocks | None) -> None:
    """Raises LockedError for an output that a stage is writing now, since the command
    would go on from what was put there, and for what a stage is reading.
    """
    if locks is not None and target.is_output and not locks.take(target.source):
        raise LockedError(
            f"{target.path}: the stage {target.source!r} is at work on it",
            hint="wait until its repro has ended",
        )
    if locks is not None and not locks.take(place_lock(target.owner or target.path)):
        raise LockedError(
            f"{target.path}: a stage that runs now reads it",
            hint="wait until its repro has ended",
        )


def relink(
    session: Session, arguments: list[str], progress: Progress | None = None
) -> list[tuple[str, int]]:
    """Makes the files of clean targets anew as ``cache.link`` says now; returns how
    many of each.
    """
    done = []
    with session.project.cache.in_use():
        for target in session.select(arguments):
            report = (
                (lambda n, total, path=target.path: progress(path, n, total))
                if progress
                else no_progress
            )
            count = session.checkout.relink(target.path, target.content, report)
            if count:
                done.append((target.path, count))
    return done


def raise_failures(result: CheckoutResult) -> None:
    """Raises one error for targets that could not be checked out; nothing if all were."""
    if not result.failed:
        return
    errors = [error for _, error in result.failed]
    first = errors[0]
    if len(errors) == 1:
        raise first
    if len(result.not_here) == len(errors) > _FEW:
        names = ", ".join(tuple(result.not_here)[:MAX_NAMED])
        more = len(errors) - MAX_NAMED
        raise MissingObjectError(
            f"{len(errors)} paths are not in the cache: {names}"
            + (f" and {more} more" if more > 0 else ""),
            hint="mltrack pull",
        )
    lines = [
        error.message if path in error.message else f"{path}: {error.message}"
        for path, error in result.failed[:MAX_NAMED]
    ]
    if len(errors) > MAX_NAMED:
        lines.append(f"and {len(errors) - MAX_NAMED} more")
    kind = (
        type(first)
        if all(type(error) is type(first) for error in errors)
        else UnsavedDataError
    )
    hint = first.hint if len({error.hint for error in errors}) == 1 else ""
    if all(isinstance(error, MissingObjectError) for error in errors):
        hint = "mltrack pull"
    raise kind("\n".join(lines), hint=hint)


def carry_out(
    session: Session,
    target: Target,
    content: Content | None,
    plan: CheckoutPlan,
    progress: Progress | None,
) -> list[tuple[str, str]]:
    """Does what was planned for one target; returns what force replaced, with the
    digests under which it was saved. ``undo`` can put that back.

    Raises UnsavedDataError for files that were edited since the plan was made.
    """
    path = target.path
    # first: from here on a kill loses nothing that was unsaved
    saved = _save(session, path, plan)
    _keep_bytes(session, path, plan)
    report = (
        (lambda done, total: progress(path, done, total)) if progress else no_progress
    )
    approved = session.checkout.approve(path, plan)
    _tell_edited(
        path, session.checkout.carry_out(path, content, approved, report, target.owner)
    )
    return saved


def _keep_bytes(session: Session, path: str, plan: CheckoutPlan) -> None:
    """Saves what is about to be replaced and is not in the cache, unless a remote was
    last seen to hold it, as `drop` makes sure.
    """
    hexes = {entry.hex for entry in plan.unkept}
    if hexes - hinted_among(
        session.project.index_path, session.project.algorithm, hexes
    ):
        session.checkout.save(path)


def _tell_edited(path: str, kept: list[bytes]) -> None:
    if kept:
        names = ", ".join(map(_shown, kept[:MAX_NAMED])) + (
            f" and {len(kept) - MAX_NAMED} more" if len(kept) > MAX_NAMED else ""
        )
        raise UnsavedDataError(
            f"{path}: changed while the checkout was at work, and left as it is: "
            f"{names}",
            hint=(
                f"`mltrack status` shows what differs; `mltrack checkout {path}` "
                "tries again"
            ),
        )


def _save(session: Session, path: str, plan: CheckoutPlan) -> list[tuple[str, str]]:
    """Saves what force is about to replace, and notes it where it can be found again."""
    if not plan.unsaved:
        return []
    content = session.checkout.save(path)
    if content is None:
        return []
    # between saving and replacing: what is gone from here can be found by `undo`
    session.trash.note([(path, content)])
    return [
        (_shown(item), session.project.algorithm.text(entry.hex))
        for item, entry in plan.unsaved
    ]


def _move_aside(session: Session, path: str) -> list[tuple[str, str]]:
    """Moves what stands where a file or a directory belongs out of the way, if it is
    neither.
    """
    full = session.project.absolute(path)
    try:
        mode = os.lstat(full).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return []
    # a link to the cache is one way in which mltrack itself puts a file here
    is_ours = (
        stat.S_ISLNK(mode)
        and session.project.cache.object_behind(os.fsencode(os.readlink(full)))
        is not None
    )
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or is_ours:
        return []
    return [(path, session.trash.set_aside(session.project.path, path))]


def _summary(path: str, plan: CheckoutPlan) -> CheckedOut:
    return CheckedOut(
        path,
        plan.written,
        plan.removed,
        tuple(map(_shown, plan.kept)),
        tuple(map(_shown, plan.absent)),
    )


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
