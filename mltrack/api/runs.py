"""Running stages: what is asked for, what happens, and what went wrong."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from mltrack.api import lazily
from mltrack.errors import PartlyDoneError, StageFailedError, UsageError

if TYPE_CHECKING:
    from mltrack.engine.events import Event
    from mltrack.verbs.repro import ReproOptions
    from mltrack.verbs.session import Session
    from mltrack.verbs.twice import Compared


def given(values: Mapping[str, object] | None) -> tuple[tuple[str, Any], ...]:
    """Returns params for one run, by name; raises UsageError for a value that no params
    file can hold.
    """
    return tuple((name, _plain(value, name)) for name, value in (values or {}).items())


def events(session: Session, options: ReproOptions) -> Generator[Event, None, None]:
    """Yields what happens to stages. Closed early, it ends what runs.

    Raises StageFailedError once the others are done, and PartlyDoneError for stages
    whose inputs changed while they ran.
    """
    from mltrack.engine.events import StageFailed  # noqa: PLC0415 - for who runs stages

    work = lazily.repro.Repro(session, options)
    work.check_data()
    failed = []
    with closing(work.run(work.plan())) as happening:
        for event in happening:
            if isinstance(event, StageFailed):
                failed.append(event.stage)
            yield event
    if failed:
        raise StageFailedError(
            f"failed: {', '.join(failed)}", hint=f"mltrack logs {failed[0]}"
        )
    if work.outcome.unrecorded:
        raise PartlyDoneError(
            "not recorded, since a dependency changed during the run: "
            f"{', '.join(work.outcome.unrecorded)}"
        )


def twice(session: Session, options: ReproOptions) -> list[Compared]:
    """Returns how the outputs of two runs compare; raises StageFailedError if a command
    fails.
    """
    verbs = lazily.twice
    try:
        return verbs.twice(session, options, _Nobody())
    except verbs.RunFailed as error:
        stage = error.failed.stage
        raise StageFailedError(
            f"failed: {stage}", hint=f"mltrack logs {stage}"
        ) from None


class _Nobody:
    """Who watches where nobody does."""

    def show(self, event: Event) -> None:
        """Shows nothing."""


def _plain(value: Any, name: str) -> Any:
    """The value as a params file says it: what numpy and others count with becomes a
    number of Python's own.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(one, name) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, name) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), name)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise UsageError(
        f"set: {name} is of the type {type(value).__name__}, which no params file holds",
        hint="a number, a text, True, False, None, or a list or mapping of them",
    )
