"""What is done with the data of a workspace: tracked, moved, sent, brought, freed."""

from __future__ import annotations

import os

from mltrack.api import lazily, notebook
from mltrack.api.readable import Readable
from mltrack.errors import PartlyDoneError, UnsavedDataError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.api.notebook import Moving
    from mltrack.verbs.add import AddResult
    from mltrack.verbs.check_ignore import Ignored
    from mltrack.verbs.checkout import CheckoutResult
    from mltrack.verbs.drop import Dropped
    from mltrack.verbs.edit import Edited
    from mltrack.verbs.fsck import FsckResult
    from mltrack.verbs.gc import GcResult
    from mltrack.verbs.gc_remote import RemoteGcResult
    from mltrack.verbs.imports import Imported
    from mltrack.verbs.merge import Resolved
    from mltrack.verbs.move import Moved
    from mltrack.verbs.remove import RemoveResult
    from mltrack.verbs.status import Status
    from mltrack.verbs.transfers import FetchResult, PullResult, TransferResult
    from mltrack.verbs.undo import Undone

    Place = str | os.PathLike[str]


class Workspace(Readable):
    """A project whose files are here, to work on its data."""

    def status(self, *targets: str, remote: str = "") -> Status:
        """Returns what changed, and what ``repro`` would do; with ``remote`` also what
        that one lacks.
        """
        with self._workspace() as session:
            return lazily.status.status(session, [*targets], remote)

    def add(self, *paths: str, into: str = "") -> AddResult:
        """Tracks files and directories, or records their new state; with ``into`` they
        come into a tracked directory. Raises PartlyDoneError if some could not be added.
        """
        with self._acting() as session:
            if into:
                return lazily.add_into.add_into(session, into, [*paths])
            result = lazily.add.add(session, [*paths])
        return _complete(result)

    def add_from(
        self, source: Place, out: str, *, to_remote: bool = False, remote: str = ""
    ) -> AddResult:
        """Tracks what is anywhere on this machine as ``out``; with ``to_remote`` it is
        sent there, and nothing is kept here.
        """
        place, verbs = os.fspath(source), lazily.add
        with self._acting() as session:
            added = (
                verbs.add_to_remote(session, place, out, remote)
                if to_remote
                else verbs.add_from(session, place, out)
            )
            return verbs.AddResult((added,))

    def remove(self, *paths: str, data: bool = False) -> RemoveResult:
        """Stops tracking paths; with ``data`` the files go too, if the cache holds
        them.
        """
        with self._acting() as session:
            return lazily.remove.remove(session, [*paths], data=data)

    def move(self, old: str, new: str) -> Moved:
        """Renames tracked data, or a part of a tracked directory."""
        with self._acting() as session:
            return lazily.move.move(session, old, new)

    def edit(self, *paths: str) -> list[Edited]:
        """Makes files writable that are links to the cache."""
        with self._acting() as session:
            return lazily.edit.edit(session, [*paths])

    def undo(self, *paths: str) -> list[Undone]:
        """Puts back what ``force`` or a stage replaced last."""
        with self._acting() as session:
            return lazily.undo.undo(session, [*paths])

    def checkout(
        self, *targets: str, force: bool = False, dry_run: bool = False
    ) -> CheckoutResult:
        """Updates the workspace to what is recorded. Raises what is wrong once all that
        can be checked out is.
        """
        verbs = lazily.checkout
        options = verbs.CheckoutOptions(force=force, dry_run=dry_run)
        with self._acting() as session:
            result = verbs.checkout(session, [*targets], options)
            verbs.raise_failures(result)
            return result

    def relink(self, *targets: str) -> list[tuple[str, int]]:
        """Recreates unmodified files as ``cache.link`` says now; returns how many of
        each target.
        """
        with self._acting() as session:
            return lazily.checkout.relink(session, [*targets])

    def resolve(self, *paths: str, side: str = "") -> list[Resolved]:
        """Settles merge conflicts in pointers and locks, and checks out what they say;
        ``side`` is ``ours`` or ``theirs``, for what both changed. Raises
        UnsavedDataError for conflicts that are left.
        """
        if side not in ("", "ours", "theirs"):
            raise UsageError(f"side is 'ours' or 'theirs', and not {side!r}")
        with self._acting() as session:
            project = session.project
            found = lazily.merge.resolve(project, [*paths], side)
            left = [item.path for item in found if item.conflicts]
            if left:
                raise UnsavedDataError(
                    f"both sides changed {', '.join(left)}",
                    hint=f"mltrack resolve --ours {left[0]}  (or --theirs)",
                )
            if found:
                lazily.merge.bring_along(project, found)
            return found

    def check_ignore(self, *paths: str) -> list[Ignored]:
        """Returns which paths are left out of tracked directories, and by which line."""
        with self._workspace() as session:
            return lazily.check_ignore.check_ignore(session, [*paths])

    # other projects

    def import_path(
        self,
        path: str,
        repo: str,
        rev: str = "",
        out: str = "",
        *,
        on_progress: Moving | None = None,
    ) -> Imported:
        """Copies a path of another project here and tracks it, with a note of where it
        came from.
        """
        verbs = lazily.imports
        with self._acting() as session, notebook.shown(on_progress) as report:
            return verbs.import_path(
                session, verbs.Wanted(repo, path, rev, out), report
            )

    def import_url(
        self,
        url: str,
        out: str = "",
        *,
        to_remote: str | None = None,
        on_progress: Moving | None = None,
    ) -> Imported:
        """Brings what is at a URL here and tracks it, with a note of what its server
        said of it. With ``to_remote`` it goes to that remote, the default one if
        that is '', and nothing stays here.
        """
        with self._acting() as session, notebook.shown(on_progress) as report:
            return lazily.imports.import_url(
                session, url, out, to_remote=to_remote, report=report
            )

    def note_url(self, url: str, out: str = "") -> Imported:
        """Notes a URL and what its server says of it; ``update`` brings the bytes."""
        with self._acting() as session:
            return lazily.imports.note_url(session, url, out)

    def update(
        self,
        *targets: str,
        rev: str | None = None,
        force: bool = False,
        on_progress: Moving | None = None,
    ) -> list[Imported]:
        """Brings imports to what their sources have now."""
        with self._acting() as session, notebook.shown(on_progress) as report:
            return lazily.imports.update(
                session, [*targets], revision=rev, force=force, report=report
            )

    # moving bytes

    def push(
        self,
        *targets: str,
        remote: str = "",
        revs: Sequence[str] = (),
        all_branches: bool = False,
        all_tags: bool = False,
        run_cache: bool = False,
        jobs: int = 0,
        dry_run: bool = False,
        on_progress: Moving | None = None,
    ) -> TransferResult:
        """Copies what is recorded to a remote: of the workspace, or of ``revs``, all
        branches or all tags; with ``run_cache`` also the outputs of earlier runs.
        """
        scope = lazily.transfers.Scope(
            targets, tuple(revs), all_branches, all_tags, remote, jobs, run_cache
        )
        with self._acting() as session, notebook.shown(on_progress) as report:
            return lazily.transfers.push(session, scope, report, dry_run=dry_run)

    def fetch(
        self,
        *targets: str,
        remote: str = "",
        revs: Sequence[str] = (),
        all_branches: bool = False,
        all_tags: bool = False,
        run_cache: bool = False,
        jobs: int = 0,
        dry_run: bool = False,
        on_progress: Moving | None = None,
    ) -> FetchResult:
        """Brings what is recorded into the cache: of the same things as ``push``.
        Raises PartlyDoneError for what could not be had, once the rest is here.
        """
        scope = lazily.transfers.Scope(
            targets, tuple(revs), all_branches, all_tags, remote, jobs, run_cache
        )
        with self._acting() as session, notebook.shown(on_progress) as report:
            result = lazily.transfers.fetch(session, scope, report, dry_run=dry_run)
            lazily.unavailable.raise_unavailable(result.unavailable)
            return result

    def pull(
        self,
        *targets: str,
        remote: str = "",
        revs: Sequence[str] = (),
        all_branches: bool = False,
        all_tags: bool = False,
        jobs: int = 0,
        force: bool = False,
        on_progress: Moving | None = None,
    ) -> PullResult:
        """Brings what is recorded, and checks out what the workspace says. Raises what
        ``fetch`` and ``checkout`` raise, once the rest is here.
        """
        scope = lazily.transfers.Scope(
            targets, tuple(revs), all_branches, all_tags, remote, jobs
        )
        with self._acting() as session, notebook.shown(on_progress) as report:
            result = lazily.transfers.pull(session, scope, report, force=force)
            lazily.checkout.raise_failures(result.checkout)
            lazily.unavailable.raise_unavailable(result.unavailable)
            return result

    def drop(
        self,
        *targets: str,
        older_than: float | None = None,
        workspace: bool = False,
        remote: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Dropped:
        """Removes from the cache what a remote holds: of targets, or what was written
        more than ``older_than`` days ago; with ``workspace`` the files here, too.
        """
        options = lazily.drop.DropOptions(
            older_than, remote, force=force, dry_run=dry_run, workspace=workspace
        )
        with self._acting() as session:
            return lazily.drop.drop(session, [*targets], options)

    def gc(
        self,
        *,
        dry_run: bool = False,
        keep_last: int = 0,
        revs: Sequence[str] = (),
        remote: str = "",
        force: bool = False,
    ) -> GcResult:
        """Deletes unreferenced objects from the cache. With ``keep_last`` commits, or
        ``revs``, older versions go too, once a remote holds them; ``force`` asks none.
        """
        keep = lazily.gc_roots.Keep(keep_last, tuple(revs))
        options = lazily.gc.GcOptions(dry_run, keep, remote, force)
        with self._acting() as session:
            return lazily.gc.gc(session, options)

    def gc_remote(
        self, remote: str, *, dry_run: bool = False, force: bool = False
    ) -> RemoteGcResult:
        """Deletes unreferenced objects from a remote: the first call forgets them, one a
        day later deletes.
        """
        with self._acting() as session:
            return lazily.gc_remote.gc_remote(
                session, remote, dry_run=dry_run, force=force
            )

    def fsck(self, *, remote: str = "", repair: bool = False) -> FsckResult:
        """Reads every object of the cache, or of a remote, and compares it with its
        digest; the result says what is damaged or absent.
        """
        with self._acting() as session:
            return lazily.fsck.fsck(session, _unseen, remote=remote, repair=repair)


def _unseen(done: int, total: int) -> None:
    """Progress that nobody follows."""


def _complete(result: AddResult) -> AddResult:
    """The result; raises what is wrong with those that could not be added."""
    if len(result.failed) == 1 and not result.added:
        raise result.failed[0][1]
    if result.failed:
        lines = [f"{path}: {error.message}" for path, error in result.failed]
        raise PartlyDoneError("\n".join(lines), hint=result.failed[0][1].hint)
    return result
