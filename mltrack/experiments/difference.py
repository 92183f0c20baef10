"""How two experiments differ."""

from typing import NamedTuple

from mltrack.experiments.looking import Change, changes
from mltrack.experiments.record import Experiment, Values
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history, snapshot
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.verbs import listing
from mltrack.verbs.session import Session


class Difference(NamedTuple):
    """Params and metrics by value, the machines and runners, data and outputs by file,
    and the rest of what git keeps as a patch.
    """

    params: list[Change]
    metrics: list[Change]
    environment: list[Change]
    files: list[listing.Difference]
    patch: bytes


def difference(
    session: Session, old: Experiment, new: Experiment, *, code: bool = True
) -> Difference:
    """Returns how two experiments differ; of those that are not done, params and metrics
    only. Without ``code`` there is no patch.
    """
    are_done = bool(old.commit and new.commit)
    return Difference(
        changes(*_comparable(old, new)),
        changes(old.metrics, new.metrics),
        changes(_environment(old), _environment(new)),
        listing.diff(session, old.commit, new.commit, []) if are_done else [],
        _patch(session, old, new) if code and are_done else b"",
    )


def _comparable(old: Experiment, new: Experiment) -> tuple[Values, Values]:
    """The params of both. Of a revision all that its files hold are known, of an
    experiment those that its stages depend on: the others are no difference.
    """
    before, after = old.params or old.given, new.params or new.given
    if not old.started and new.started:
        before = _those_of(before, after)
    if not new.started and old.started:
        after = _those_of(after, before)
    return before, after


def _those_of(values: Values, other: Values) -> Values:
    return {
        path: {key: value for key, value in keys.items() if key in other.get(path, {})}
        for path, keys in values.items()
    }


def _environment(one: Experiment) -> Values:
    """Where an experiment ran: the machine that it was started from, and the runner of
    each stage; of a stage that did not run nobody knows.
    """
    runners = {name: done.runner for name, done in one.stages.items() if done.runner}
    machine = {"machine": one.machine} if one.machine else {}
    return {"environment": {**machine, **runners}}


def _patch(session: Session, old: Experiment, new: Experiment) -> bytes:
    """How what git keeps differs, without what is said in another way."""
    path = session.project.path
    said = {*old.given, *new.given, *old.metrics, *new.metrics}
    for one in (old, new):
        said.update(
            name
            for name in history.names_below(one.commit, ".", path)
            if name.rpartition("/")[2] == LOCK_NAME or name.endswith(SUFFIX)
        )
    return snapshot.patch(old.commit, new.commit, path, sorted(said))
