"""Getting outputs that stayed on the hosts that made them, and noting which did."""

from collections.abc import Iterable
from contextlib import closing, suppress

from mltrack.config import places
from mltrack.engine.inputs import Learner
from mltrack.engine.left import Row
from mltrack.errors import MissingObjectError, MltrackError, RemoteError
from mltrack.objects.content import Content
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import Stage, is_url
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


def fetch_left(session: Session, contents: Iterable[Content]) -> list[Content]:
    """Gets contents from the hosts into the cache, as far as they are noted as left
    there or a host has them; returns those that it got. Raises RemoteError if the host
    that has one cannot be reached.
    """
    cache = session.project.cache
    wanted = [content for content in contents if not cache.holds(content)]
    noted = [
        row
        for row in session.left
        if any(content.same_bytes(row.content) for content in wanted)
    ]
    fetched: list[Content] = []
    runners = ProjectRunners(session.project)
    for name in dict.fromkeys(row.runner for row in noted):
        rows = [row for row in noted if row.runner == name]
        with closing(runners.open_surviving(name)) as one:
            got = one.bring(list(dict.fromkeys(row.content for row in rows)))
            fetched += got
            # only now: what came is durable here
            one.release({row.key for row in rows if row.content in got})
    if fetched:
        # the runner has a cache of its own: this one has not seen what came
        cache.reload()
        # last: after a kill it is still noted, and asked for once more
        session.left.forget(fetched)
    return fetched


def fetch_from_hosts(session: Session, contents: Iterable[Content]) -> None:
    """Asks every ssh runner that the user has named or used for contents that nobody
    else has: the clone that left them there may be another one. Hosts that cannot be
    reached are passed over.
    """
    cache = session.project.cache
    runners = ProjectRunners(session.project)
    for info in list_runners(session.project):
        lacking = [content for content in contents if not cache.holds(content)]
        is_elsewhere = info.hosts or info.name != LOCAL
        # what asked for data did not ask for hosts that only a clone names
        is_meant = places.is_trusted_runner(session.project.settings, info.name)
        if lacking and is_elsewhere and is_meant:
            with (
                suppress(MltrackError),
                closing(runners.open_surviving(info.name)) as one,
            ):
                one.bring(lacking)
            cache.reload()


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
        if not is_url(path):
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
        fetch_left(session, wanted.values())
    except RemoteError as error:
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
