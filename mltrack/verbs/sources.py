"""Where bytes can be had that the cache lacks: hosts on which outputs stayed, the
remote that is meant, the others, any host.

One answer for all verbs: whether something is kept elsewhere, a directory's listing,
the bytes.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mltrack.errors import (
    ConfigError,
    IntegrityError,
    MissingObjectError,
    RemoteError,
)
from mltrack.objects.content import Content
from mltrack.store.local.cache import Cache
from mltrack.store.pack import SMALL_OBJECT
from mltrack.store.shared.fetch import bring, fetch_objects, fetch_trees
from mltrack.store.shared.gathering import Gathering
from mltrack.store.shared.remote import FOR_NEWER, Remote
from mltrack.store.shared.transfer import Moved, Report
from mltrack.verbs.session import Session

if TYPE_CHECKING:
    from mltrack.verbs.bringing import Hosts

ON_HOSTS = "the hosts that made them"


def quiet(event: object) -> None:
    """A report to nobody."""


class Had(NamedTuple):
    """What came, from where, and why the rest did not: '' where everything was had."""

    moved: Moved
    source: str
    why: str = ""
    damage: tuple[IntegrityError, ...] = ()


class Sources:
    """What can be had for one command. ``remote`` is the one that the person named, ''
    for the default one and then all others: whoever has the bytes will do. ``jobs`` is
    how many transfers run at once, 0 for what the settings say.

    Nothing is connected to before it is needed; RemoteError says that the remote that
    is meant cannot be had.
    """

    def __init__(self, session: Session, remote: str = "", jobs: int = 0) -> None:
        self._session = session
        self._named = remote
        self._jobs = jobs

    @property
    def name(self) -> str:
        """The remote that is meant, as it was asked for."""
        return self._named

    @property
    def is_any(self) -> bool:
        """Whether a remote is set up at all."""
        return bool(self._session.project.settings.remotes())

    def chosen(self) -> Remote:
        """Returns the remote that is meant, not yet looked at."""
        remote = self._session.remotes.get(self._named)
        if self._jobs:
            remote.jobs = 1 if remote.store.abilities.local else self._jobs
        return remote

    @cached_property
    def remotes(self) -> list[Remote]:
        """The remotes to ask, in their order, each looked at once."""
        first = self.chosen()
        first.open()
        return (
            [first]
            if self._named
            else [first, *self._session.remotes.reachable(beside=first.name)]
        )

    # what is elsewhere

    def not_kept(self, hex_digests: set[str]) -> set[str]:
        """Returns those of the objects that the remote, asked now, does not hold at
        their full size; all without one.
        """
        if not hex_digests or (not self._named and not self.is_any):
            return hex_digests
        place = self.chosen()
        try:
            place.open()
        except RemoteError as error:
            if error.absent:
                return hex_digests
            raise
        present = place.present()
        return {item for item in hex_digests if bytes.fromhex(item) not in present}

    def has(self, content: Content) -> bool:
        """Returns whether a remote holds a content: of a directory its listing."""
        raw = bytes.fromhex(content.hex)
        return any(raw in remote.present() for remote in self.remotes)

    # getting

    def read_small(self, hex_digest: str) -> bytes | None:
        """Returns the bytes of an object that the cache lacks; None for one that no
        remote has whole in a pack. They are in the cache once this is closed.
        """
        return self._gathering.read(hex_digest) if self.is_any else None

    def read_file(self, content: Content) -> bytes | None:
        """Does the same for a file; None also for a large one, and for one that stayed
        on a host, which is asked before any remote.
        """
        if content.size >= SMALL_OBJECT or self._session.left.has(content):
            return None
        return self.read_small(content.hex)

    def close(self) -> None:
        """Writes to the cache what was read one by one."""
        if "_gathering" in vars(self):
            self._gathering.close()

    @cached_property
    def _gathering(self) -> Gathering:
        return Gathering(self.cache, lambda: self.remotes)

    def _settle(self) -> None:
        if "_gathering" in vars(self):
            self._gathering.settle()

    def listing(self, hex_digest: str) -> None:
        """Gets a directory's listing into the cache, if a remote has it; raises
        IntegrityError for one that is damaged there.
        """
        damage = self.single({hex_digest})
        if damage:
            raise damage[0]

    def single(self, hex_digests: set[str]) -> list[IntegrityError]:
        """Gets single objects, whatever they are, into the cache, as far as a remote
        has them; returns what is damaged there.
        """
        cache = self.cache
        self._settle()
        with cache.in_use():
            return fetch_objects(
                cache, self.remotes, cache.missing(hex_digests), quiet
            ).damage

    def listings(
        self, contents: Iterable[Content], report: Report = quiet
    ) -> dict[str, int]:
        """Gets the listings of contents; returns the files that they name, with their
        sizes.
        """
        return fetch_trees(self.cache, self.remotes, contents, report).files

    def fetch(self, contents: Iterable[Content], report: Report = quiet) -> Had:
        """Gets contents into the cache, as far as they can be had."""
        self._settle()
        lacking = self._lacking(contents)
        # before any remote is opened: where nothing lacks, none need be reached
        if not lacking:
            return Had(Moved(0, 0), self._named)
        from_hosts = self._from_noted_hosts(lacking)
        lacking = self._lacking(lacking)
        if not lacking:
            return Had(from_hosts, ON_HOSTS)
        remotes = self.remotes
        brought = bring(self.cache, remotes, lacking, report)
        late = self._from_any_host(lacking, brought.lost)
        moved = Moved(
            brought.moved.objects + from_hosts.objects + late,
            brought.moved.bytes + from_hosts.bytes,
        )
        why = ""
        if brought.damage:
            why = brought.damage[0].message
        elif len(brought.lost) > late:
            names = ", ".join(remote.name for remote in remotes)
            newer = (
                ""
                if all(remote.is_understood for remote in remotes)
                else f"; {FOR_NEWER}"
            )
            why = f"in no remote (asked: {names}){newer}"
        return Had(moved, remotes[0].name, why, tuple(brought.damage))

    def require(self, contents: Iterable[Content], report: Report = quiet) -> None:
        """Gets contents into the cache; raises IntegrityError or MissingObjectError
        where one cannot be had.
        """
        wanted = list(contents)
        had = self.fetch(wanted, report)
        if had.damage:
            raise had.damage[0]
        lacking = self._lacking(wanted)
        if lacking:
            raise MissingObjectError(
                f"{self.cache.algorithm.text(lacking[0].hex)}: {had.why}",
                hint="`mltrack push` from the clone that has it",
                context=lacking[0].hex,
            )

    def search(self, hex_digests: set[str], *, beside: str) -> None:
        """Gets single objects, whatever they are, from whichever remote but ``beside``
        can be reached and has them whole.
        """
        cache = self.cache
        for remote in self._session.remotes.reachable(beside=beside):
            rest = cache.missing(hex_digests)
            if rest:
                # another remote may have what this one has not, or not whole
                with suppress(IntegrityError, RemoteError):
                    fetch_objects(cache, [remote], rest, quiet)

    def would_fetch(self, contents: Iterable[Content], report: Report) -> Moved:
        """Returns what :meth:`fetch` would bring from remotes. Listings are brought on
        the way: without them nobody can tell.
        """
        files = self.listings(self._lacking(contents), report)
        missing = self.cache.missing(files)
        return Moved(len(missing), sum(files[hex_digest] for hex_digest in missing))

    @property
    def cache(self) -> Cache:
        """Where what is got goes."""
        return self._session.project.cache

    @cached_property
    def _hosts(self) -> "Hosts":
        from mltrack.verbs.bringing import Hosts  # noqa: PLC0415 - 15 ms, where something stayed on a host, or no remote has it

        return Hosts(self._session)

    def _lacking(self, contents: Iterable[Content]) -> list[Content]:
        return [content for content in contents if not self.cache.holds(content)]

    def _from_noted_hosts(self, lacking: list[Content]) -> Moved:
        """What this clone knows to have stayed on hosts; a remote may have what cannot
        be had there.
        """
        if not any(map(self._session.left.has, lacking)):
            return Moved(0, 0)
        # ConfigError: its runner was removed since
        with suppress(RemoteError, ConfigError):
            got = self._hosts.fetch_left(lacking)
            return Moved(
                sum(content.files for content in got),
                sum(content.size for content in got),
            )
        return Moved(0, 0)

    def _from_any_host(self, lacking: list[Content], lost: set[str]) -> int:
        """What another clone may have left on a host; returns how many of the lost
        objects came.
        """
        if not lost:
            return 0
        self._hosts.fetch_from_any(lacking)
        return len(lost) - len(self.cache.missing(lost))
