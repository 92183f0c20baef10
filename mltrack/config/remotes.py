"""Opens the remotes that settings name. A remote stands by itself: it needs no project,
only what its settings say.
"""

import difflib
import os
from contextlib import suppress
from typing import NamedTuple

from mltrack.config import places
from mltrack.config.settings import Settings
from mltrack.errors import ConfigError, RemoteError, UsageError
from mltrack.objects.digest import Algorithm
from mltrack.store.kinds.opening import open_store
from mltrack.store.kinds.store import Store
from mltrack.store.shared.met import Met
from mltrack.store.shared.remote import Remote


class Around(NamedTuple):
    """Where remotes are opened from: the directory at which relative addresses start,
    the repository that none may lie in, and where it is kept what they were last seen
    to hold and under which identity each was met.
    """

    base: str
    repository_top: str
    hints_path: str
    ids_path: str

    def met(self, name: str) -> Met:
        """Returns what is kept of the remote of that name."""
        return Met(
            os.path.join(self.hints_path, name), os.path.join(self.ids_path, name)
        )


class Remotes:
    """The remotes of one project. Their stores stay open, and are shared by all that is
    opened under one name, until ``close``. It belongs to the thread that made it, and
    so does each remote.
    """

    def __init__(
        self, settings: Settings, algorithm: Algorithm, around: Around
    ) -> None:
        self._settings = settings
        self._algorithm = algorithm
        self._around = around
        self._stores: dict[str, Store] = {}

    def get(self, name: str = "") -> Remote:
        """Returns a remote by name, or the default one, not yet looked at; raises
        UsageError if there is none.
        """
        settings = self._settings
        known = settings.remotes()
        chosen = (
            name
            or settings.text("core.remote")
            or (next(iter(known)) if len(known) == 1 else "")
        )
        if not chosen:
            hint = (
                f"mltrack remote default {next(iter(known))}"
                if known
                else "mltrack remote add NAME DIRECTORY"
            )
            raise UsageError(
                "no remote is named, and there is no default one", hint=hint
            )
        if chosen not in known:
            names = ", ".join(sorted(known)) or "none"
            close = difflib.get_close_matches(chosen, known, n=1)
            raise UsageError(
                f"there is no remote {chosen!r} (known: {names})",
                hint=f"did you mean {close[0]!r}?"
                if close
                else f"mltrack remote add {chosen} DIRECTORY",
            )
        given = settings.remote(chosen)
        # before it is opened, which may connect or start a program
        if places.must_be_trusted(settings, chosen) and not places.is_trusted(
            settings, chosen
        ):
            raise UsageError(
                f"the remote {chosen!r} leads to {places.place_of(given)}: the "
                "project's files say so, and you have not yet",
                hint=f"if credentials may be sent there: mltrack remote trust {chosen}",
            )
        if chosen not in self._stores:
            store = open_store(known[chosen], self._around.base, given)
            if store.abilities.local:
                refuse_inside(store.url, self._around.repository_top)
            self._stores[chosen] = store
        met = self._around.met(chosen)
        jobs = int(given.get("jobs") or settings.number("core.jobs"))
        # anew each time: what it lists must be as of now; the store is shared
        return Remote(chosen, self._stores[chosen], self._algorithm, met, jobs)

    def opened(self, name: str = "") -> Remote:
        """Returns a remote that was just found to be one; raises RemoteError where it
        cannot be had.
        """
        remote = self.get(name)
        remote.open()
        return remote

    def reachable(self, *, beside: str = "") -> list[Remote]:
        """Returns those that can be had now, opened, in order of their names, but for
        the one called ``beside``: nobody asked for these, so one that is not trusted,
        or lacks its library, is passed over.
        """
        found = []
        for name in sorted(self._settings.remotes()):
            if name != beside:
                with suppress(RemoteError, UsageError, ConfigError):
                    found.append(self.opened(name))
        return found

    def close(self) -> None:
        """Ends all connections."""
        for store in self._stores.values():
            store.close()
        self._stores.clear()


def refuse_inside(place: str, repository_top: str) -> None:
    """Raises UsageError for a directory in the repository: as a remote it would be
    committed with the code, or led by links that a clone brings.
    """
    # links followed: one outside may lead into the repository
    real, top = os.path.realpath(place), os.path.realpath(repository_top)
    if real == top or real.startswith(top + os.sep):
        raise UsageError(
            f"{place} lies in the git repository, where a remote would be committed "
            "with the code",
            hint="give a directory outside it, such as ../store",
        )
