"""Getting outputs that stayed on the hosts that made them, and noting which did."""

from collections.abc import Iterable
from contextlib import closing, suppress

from mltrack.config import places
from mltrack.engine.inputs import Learner
from mltrack.engine.left import Row
from mltrack.errors import ConfigError, MissingObjectError, MltrackError, RemoteError
from mltrack.objects.content import Content
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import Stage, is_outside
from mltrack.runners.job import Poll
from mltrack.runners.names import LOCAL
from mltrack.verbs.places import ProjectRunners, list_runners
from mltrack.verbs.session import Session


def note_left(session: Session, runner: str, key: str, result: Poll) -> None:
    """Notes the outputs of a job that stayed where it ran."""
    session.left.add(
        Row(path, content, runner, result.place, key)
        for path, content in result.left.items()
    )


class Hosts:
    """The hosts of the runners that are set up, as places that outputs stayed on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._runners = ProjectRunners(session.project)

    def fetch_left(self, contents: Iterable[Content]) -> list[Content]:
        """Gets contents into the cache, as far as they are noted as left on a host or
        a host has them; returns those that it got. Raises RemoteError if a host that
        has one cannot be reached, ConfigError if its runner is not set up any more:
        once all others were asked.
        """
        session, cache = self._session, self._session.project.cache
        wanted = [content for content in contents if not cache.holds(content)]
        noted = [
            row
            for row in session.left
            if any(content.same_bytes(row.content) for content in wanted)
        ]
        fetched: list[Content] = []
        failed: list[MltrackError] = []
        for name in dict.fromkeys(row.runner for row in noted):
            rows = [row for row in noted if row.runner == name]
            try:
                with closing(self._runners.open_surviving(name)) as one:
                    got = one.bring(list(dict.fromkeys(row.content for row in rows)))
                    fetched += got
                    # only now: what came is durable here
                    one.release(_all_here(session, name, got))
            except (RemoteError, ConfigError) as error:
                failed.append(error)
        if fetched:
            # the runner has a cache of its own: this one has not seen what came
            cache.reload()
            # last: after a kill it is still noted, and asked for once more
            session.left.forget(fetched)
        if failed:
            raise failed[0]
        return fetched

    def fetch_from_any(self, contents: Iterable[Content]) -> None:
        """Asks every ssh runner that the user has named or used for contents that nobody
        else has: the clone that left them there may be another one. Hosts that cannot be reached are
        passed over.
        """
        cache = self._session.project.cache
        for info in list_runners(self._session.project):
            lacking = [content for content in contents if not cache.holds(content)]
            is_elsewhere = info.hosts or info.name != LOCAL
            # what asked for data did not ask for hosts that only a clone names
            settings = self._session.project.settings
            is_meant = places.is_trusted_runner(settings, info.name)
            if lacking and is_elsewhere and is_meant:
                with (
                    suppress(MltrackError),
                    closing(self._runners.open_surviving(info.name)) as one,
                ):
                    one.bring(lacking)
                cache.reload()


def _all_here(session: Session, runner: str, got: list[Content]) -> set[str]:
    """Returns the run keys of jobs on a runner whose outputs are all here by now. A host
    lets go of what a job left as a whole: one that is wanted from it keeps the others.
    """
    came, cache = {content.hex for content in got}, session.project.cache
    rows = [row for row in session.left if row.runner == runner]
    waiting = {
        row.key
        for row in rows
        if row.content.hex not in came and not cache.holds(row.content)
    }
    return {row.key for row in rows} - waiting


class FromHosts:
    """What stages read and stayed on the hosts that made it. See
    :class:`mltrack.engine.parts.Supply`.
    """

    def __init__(self, session: Session, learner: Learner) -> None:
        self._session, self._learner = session, learner

    def fetch(self, contents: Iterable[Content]) -> None:
        """Nothing: what is restored is in the cache."""

    def bring_parts(self, stage: Stage) -> tuple[str, ...]:
        return bring_left(self._session, stage, self._learner, parts_only=True)

    def bring_inputs(self, stage: Stage) -> tuple[str, ...]:
        return bring_left(self._session, stage, self._learner, parts_only=False)

    def bring_apart(self, stage: Stage) -> tuple[str, ...]:
        return ()  # it is had there

    def note_left(self, runner: str, key: str, result: Poll) -> None:
        note_left(self._session, runner, key, result)


def _is_part(path: str, dep: str) -> bool:
    """Whether what stayed at ``path`` is a part of the directory ``dep``: without it,
    that would be another one.
    """
    return path != dep and contains(dep, path)


def bring_left(
    session: Session, stage: Stage, learner: Learner, *, parts_only: bool
) -> tuple[str, ...]:
    """Puts what a stage reads where it belongs, as far as it stayed on a host; with
    ``parts_only`` only what lies below directories that it reads. Returns the paths.
    """
    wanted: dict[str, Content] = {}
    for path in stage.reads:
        if not is_outside(path):
            for absent in learner.absent.overlapping(path):
                content = learner.absent[absent]
                if (
                    content is not None
                    and (not parts_only or _is_part(absent, path))
                    and (
                        session.left.has(content)
                        or session.project.cache.holds(content)
                    )
                ):
                    wanted[absent] = content
    if not wanted:
        return ()
    try:
        Hosts(session).fetch_left(wanted.values())
    except (RemoteError, ConfigError) as error:
        raise MissingObjectError(
            f"{next(iter(wanted))!r} is on a host: {error.message}", hint=error.hint
        ) from error
    checkout = session.checkout
    for path, content in wanted.items():
        if not session.project.cache.holds(content):
            raise MissingObjectError(
                f"the host that made {path!r} no longer has it",
                hint="mltrack repro --force",
            )
        checkout.bring(path, content)
        learner.absent.pop(path)
    return tuple(wanted)
