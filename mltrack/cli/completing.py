"""What a shell is offered in the place of an argument: names that this project knows.

Whatever goes wrong, nothing is offered: a shell that completes shows no errors.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps

from mltrack import project as projects
from mltrack.verbs.session import Session

Names = Callable[[Session], Iterable[str]]
Complete = Callable[[str], list[str]]


def _offered(names: Names) -> Complete:
    """Offers the names that begin with what was typed."""

    @wraps(names)
    def complete(incomplete: str) -> list[str]:
        with suppress(Exception), Session(projects.find(".")) as session:
            return sorted({one for one in names(session) if one.startswith(incomplete)})
        return []

    # typer reads it, and would ask for a session
    del complete.__wrapped__
    complete.__annotations__ = {"incomplete": str, "return": list[str]}
    return complete


@_offered
def stages(session: Session) -> Iterable[str]:
    for address in session.view.graph.stages:
        yield address
        yield address.partition("@")[0]


@_offered
def targets(session: Session) -> Iterable[str]:
    shown = session.project.shown
    # first: a pipeline file that is wrong does not hide what is tracked
    yield from map(shown, session.view.pointers)
    for address, stage in session.view.graph.stages.items():
        yield address
        yield address.partition("@")[0]
        yield from (shown(out.path) for out in stage.outs)


@_offered
def remotes(session: Session) -> Iterable[str]:
    return session.project.settings.remotes()


@_offered
def runners(session: Session) -> Iterable[str]:
    return session.project.settings.runners()


@_offered
def revisions(session: Session) -> Iterable[str]:
    from mltrack.git import history  # noqa: PLC0415 - only where somebody presses TAB

    places = ("refs/heads", "refs/tags", "refs/remotes")
    for place in places:
        for name in history.refs_below(place, session.project.path):
            yield name.removeprefix(f"{place}/")


@_offered
def measured(session: Session) -> Iterable[str]:
    """Files of metrics and params."""
    shown = session.project.shown
    for stage in session.view.graph.stages.values():
        yield from (shown(out.path) for out in stage.outs if out.type == "metric")
        yield from (shown(file.path) for file in stage.params)
