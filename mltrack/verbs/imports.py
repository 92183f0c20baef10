"""``import`` and ``update``: data of other projects, tracked here with where it came
from.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from mltrack.engine.view import Target
from mltrack.errors import (
    MissingObjectError,
    MltrackError,
    UnsavedDataError,
    UsageError,
)
from mltrack.formats import origin, pointer
from mltrack.formats.origin import Address, AnyOrigin, Origin
from mltrack.formats.pointer import SUFFIX
from mltrack.formats.remote_url import has_secrets, shown, shows_secret
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import diff as tree_diff
from mltrack.pipeline.paths import contains
from mltrack.store.kinds.url_source import check_url
from mltrack.store.shared.transfer import Report
from mltrack.verbs import addresses
from mltrack.verbs.add import free_target, sending_to
from mltrack.verbs.checkout import carry_out
from mltrack.verbs.elsewhere import Elsewhere, open_elsewhere, place_of, shown_place
from mltrack.verbs.origins import bring_here, open_origin, origins
from mltrack.verbs.session import Session
from mltrack.verbs.sources import quiet
from mltrack.verbs.standing import Found, Standing
from mltrack.verbs.tracking import Recording, record


@dataclass(frozen=True, slots=True)
class Imported:
    """One import: its path here, where it comes from, and what it is. ``before`` is
    what it was; ``changes`` counts the files that were added, modified and deleted.
    """

    path: str
    origin: AnyOrigin
    content: Content
    before: Content | None = None
    changes: tuple[int, int, int] = (0, 0, 0)

    was_at: str = ""
    """The state of its source that it was of before: a commit, or what a server said."""

    @property
    def is_changed(self) -> bool:
        return not self.content.same_bytes(self.before)

    @property
    def is_moved(self) -> bool:
        """Whether its pointer says something else now."""
        return self.is_changed or self.was_at != self.origin.seen


class Behind(NamedTuple):
    """An import whose source has something else by now, at the state ``seen``, or
    cannot be asked: ``why``.
    """

    path: str
    origin: AnyOrigin
    seen: str = ""
    why: str = ""


class Wanted(NamedTuple):
    """What is to be imported: a path of a repository at a revision ('' is the newest),
    and the path that it becomes here ('' is its own name).
    """

    repository: str
    path: str
    revision: str = ""
    out: str = ""


def import_path(session: Session, wanted: Wanted, report: Report = quiet) -> Imported:
    """Brings a path of another project here, tracks it, and notes where it came from.

    Raises UsageError for what is not there, or is several things, and WorkspaceError
    where something stands in its place.
    """
    path = free_target(session, wanted.out or os.path.basename(wanted.path.strip("/")))
    address = place_of(wanted.repository, session.project.cwd)
    if has_secrets(address.partition("#")[0]):
        raise UsageError(
            f"the address {shown_place(address)} holds a secret, and the pointer would bring "
            "it into git",
            hint="give the address without it; git's credential helpers keep secrets",
        )
    with open_elsewhere(address, wanted.revision, cwd=session.project.cwd) as there:
        _refuse_itself(session, there, wanted.path)
        inner, found = _found(there, wanted.path)
        noted = Origin(
            _address(session, address), inner, wanted.revision, there.base, ""
        )
        with session.project.cache.in_use():
            content = bring_here(session, there, found, report)
            session.checkout.bring(path, content)
            noted = noted._replace(digest=session.project.algorithm.text(content.hex))
            record(session, [Recording(path, content, None, origin.write(noted))])
    return Imported(path, noted, content)


def import_url(
    session: Session,
    url: str,
    out: str = "",
    *,
    to_remote: str | None = None,
    report: Report = quiet,
) -> Imported:
    """Brings what stands at a URL here, tracks it, and notes what its server said of
    it. With ``to_remote`` it goes to that remote, the default one if that is '', and
    nothing stays here.

    Raises UsageError for what is not there, RemoteError for what changes on the way, and
    WorkspaceError where something stands in its place.
    """
    path = _place_of(session, url, out)
    if to_remote is not None:
        with sending_to(session, to_remote) as sending:
            content, noted = addresses.bring_to(session, url, sending, report)
        record(session, [Recording(path, content, None, origin.write(noted))])
        return Imported(path, noted, content)
    with session.project.cache.in_use():
        content, noted = addresses.bring(session, url, report)
        session.checkout.bring(path, content)
        record(session, [Recording(path, content, None, origin.write(noted))])
    return Imported(path, noted, content)


def note_url(session: Session, url: str, out: str = "") -> Imported:
    """Notes a URL and what its server says of it, without its bytes: ``update`` brings
    them. Raises as :func:`import_url` does.
    """
    path = _place_of(session, url, out)
    noted = addresses.seen_now(url)
    content = addresses.noted_content(session, noted)
    record(session, [Recording(path, content, None, origin.write(noted))])
    return Imported(path, noted, content)


def _place_of(session: Session, url: str, out: str) -> str:
    """The path that a URL becomes here."""
    check_url(url)
    if shows_secret(url):
        raise UsageError(
            f"the address {shown(url)} holds a secret, and the pointer would bring it "
            "into git",
            hint="give the address without it",
        )
    name = unquote(os.path.basename(url.partition("?")[0].rstrip("/")))
    return free_target(session, out or name)


def update(
    session: Session,
    arguments: list[str],
    *,
    revision: str | None = None,
    force: bool = False,
    report: Report = quiet,
) -> list[Imported]:
    """Brings imports to what their sources have now, at the revision that was asked for
    when they were imported, or another one. Only what changed is fetched.

    Raises UsageError for a target that is no import, and UnsavedDataError for one that
    was changed here, unless ``force``.
    """
    done = []
    chosen = list(_chosen(session, arguments))
    for path, noted in chosen:
        if isinstance(noted, Address) and revision is not None:
            raise UsageError(
                f"{path} comes from {noted.url}, which has no revisions",
                hint="name the imports that --rev is for",
            )
    for path, noted in chosen:
        # first: nothing is fetched in vain
        if not force:
            _refuse_changed(session, path, noted)
        if isinstance(noted, Address):
            done.append(_update_url(session, path, noted, report, force=force))
            continue
        wanted = noted.revision if revision is None else revision
        with open_origin(session, noted, wanted) as there:
            now = noted._replace(revision=wanted, commit=there.base)
            # until the pointer names what came
            with session.project.cache.in_use():
                content = _newer(session, path, (noted, now), there, report)
                done.append(_put(session, path, (noted, now), content, force=force))
    return done


def behind(session: Session) -> list[Behind]:
    """Returns the imports whose sources have other bytes now, at the revision that was
    asked for, and those whose sources cannot be asked.
    """
    found = []
    for path, noted in origins(session).items():
        try:
            if isinstance(noted, Address):
                if (now := addresses.seen_now(noted.url)).seen != noted.seen:
                    found.append(Behind(path, noted, now.seen))
                continue
            with open_origin(session, noted, noted.revision) as there:
                if there.base == noted.commit:
                    continue
                thing = Standing(there).at(noted.path)
                if thing is None:
                    found.append(
                        Behind(path, noted, there.base, "is not there any more")
                    )
                elif _differs(there, thing, noted):
                    found.append(Behind(path, noted, there.base))
        except MltrackError as error:
            found.append(Behind(path, noted, why=error.message))
    return found


def _update_url(
    session: Session, path: str, noted: Address, report: Report, *, force: bool
) -> Imported:
    before = session.view.pointers.get(path)
    is_as_imported = (
        before is not None
        and session.project.algorithm.text(before.hex) == noted.digest
    )
    # nothing is read of what its server calls the same
    if is_as_imported and addresses.seen_now(noted.url).seen == noted.seen:
        assert before is not None
        return Imported(path, noted, before, before, was_at=noted.seen)
    with session.project.cache.in_use():
        content, now = addresses.bring(session, noted.url, report)
        return _put(session, path, (noted, now), content, force=force)


def _refuse_changed(session: Session, path: str, noted: AnyOrigin) -> None:
    now = session.view.pointers.get(path)
    # only noted so far
    if now is None:
        return
    if session.project.algorithm.text(now.hex) != noted.digest:
        raise UnsavedDataError(
            f"{path} was changed here after it was imported",
            hint=f"`mltrack update --force {path}` replaces it; what it is now stays in "
            "the cache",
        )


def _newer(
    session: Session,
    path: str,
    origins_: tuple[Origin, Origin],
    there: Elsewhere,
    report: Report,
) -> Content:
    """What an import is at its source now, in the cache of this project."""
    noted, now = origins_
    before = session.view.pointers[path]
    is_as_imported = session.project.algorithm.text(before.hex) == noted.digest
    if noted.commit == now.commit and is_as_imported:
        return before
    _, found = _found(there, noted.path)
    return bring_here(session, there, found, report)


def _put(
    session: Session,
    path: str,
    origins_: tuple[AnyOrigin, AnyOrigin],
    content: Content,
    *,
    force: bool,
) -> Imported:
    """Puts what came in the place of an import, and notes it."""
    noted, now = origins_
    before = session.view.pointers.get(path)
    if not content.same_bytes(before):
        plan = session.checkout.plan(path, content, force=force, recorded=before)
        try:
            session.checkout.refuse_conflicts(path, plan)
        except UnsavedDataError as error:
            raise UnsavedDataError(
                error.message,
                hint=f"`mltrack add {path}` records them; `mltrack update --force {path}` "
                "replaces them (and keeps a copy in the cache)",
            ) from None
        target = Target(path, content, path + SUFFIX, is_output=False)
        carry_out(session, target, content, plan, None)
    now = now._replace(digest=session.project.algorithm.text(content.hex))
    lines = (*_other_lines(session, path), *origin.write(now))
    # what is here was noted by the checkout, with what it left
    record(session, [Recording(path, content, None, lines)])
    changes = (1, 0, 0) if before is None else _changes(session, before, content)
    return Imported(path, now, content, before, changes, noted.seen)


def _other_lines(session: Session, path: str) -> tuple[str, ...]:
    data = session.project.read(path + SUFFIX) or b""
    lines = pointer.parse(data, session.project.algorithm, path + SUFFIX).extra
    return origin.without(lines)


def _chosen(session: Session, arguments: list[str]) -> Iterator[tuple[str, AnyOrigin]]:
    known = origins(session)
    if not arguments:
        yield from known.items()
        return
    for argument in arguments:
        path = session.project.relative(argument).removesuffix(SUFFIX)
        # a directory stands for the imports in it
        meant = [one for one in known if contains(path, one)]
        if not meant:
            names = ", ".join(sorted(known)) or "there are none"
            raise UsageError(f"{argument!r} is no import", hint=f"imports: {names}")
        for one in meant:
            yield one, known[one]


def _found(there: Elsewhere, argument: str) -> tuple[str, Found]:
    inner = os.path.normpath(argument).strip("/")
    found = Standing(there).at(inner)
    if found is None:
        raise UsageError(
            f"there is no {argument!r} in that project at {there.named}",
            hint="mltrack ls -R --repo REPOSITORY; several things are imported one by "
            "one",
        )
    return inner, found


def _differs(there: Elsewhere, thing: Found, noted: Origin) -> bool:
    """Whether what is there now has other bytes. Without reading them that is known by
    the digest; what git keeps, and another kind of digest, counts by the commit alone.
    """
    if thing.content is None:
        return True
    return there.project.algorithm.text(thing.content.hex) != noted.digest


def _changes(session: Session, old: Content, new: Content) -> tuple[int, int, int]:
    if old.same_bytes(new) or TREE not in (old.kind, new.kind):
        return (0, int(not old.same_bytes(new)), 0)
    cache = session.project.cache
    trees = [one.hex if one.kind == TREE else None for one in (old, new)]
    try:
        changes = list(tree_diff(trees[0], trees[1], cache.read_tree, b""))
    except MissingObjectError:
        return (0, 1, 0)
    return (
        sum(change.old is None for change in changes),
        sum(change.old is not None and change.new is not None for change in changes),
        sum(change.new is None for change in changes),
    )


def _address(session: Session, address: str) -> str:
    """The repository's place as it is noted: a path from the project's top, so that a
    neighbour's clone is found from every clone of a team that keeps them side by side.
    """
    place, mark, inner = address.partition("#")
    here = os.path.join(session.project.cwd, place)
    if os.path.isdir(here):
        place = os.path.relpath(here, session.project.path)
    return place + mark + inner


def _refuse_itself(session: Session, there: Elsewhere, argument: str) -> None:
    if there.project.path == session.project.path:
        raise UsageError(
            f"{argument!r} is of this very project", hint=f"mltrack checkout {argument}"
        )
