"""What ``exp run`` and ``exp start`` are asked for, as experiments."""

from dataclasses import dataclass
from typing import Any

from mltrack.errors import UsageError
from mltrack.experiments import sweep
from mltrack.experiments.base import Base, workspace_base
from mltrack.experiments.record import Experiment, Values
from mltrack.experiments.shelf import Shelf, refuse_taken
from mltrack.experiments.trial import now
from mltrack.verbs.overrides import read_overrides
from mltrack.verbs.session import Session

# of one command: more would be a mistake, as a rule, and take days
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried. ``axes`` are the params that are set, each to one value or
    several; ``draws`` is how many combinations are drawn, 0 for all; ``sets`` are whole sets of
    params, by name, to be tried one by one. ``source`` is the experiment to go on from.
    """

    targets: tuple[str, ...] = ()
    axes: tuple[sweep.Axis, ...] = ()
    draws: int = 0
    seed: int = 0
    sets: tuple[dict[str, Any], ...] = ()
    source: str = ""
    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()


def experiments(
    session: Session, shelf: Shelf, wanted: Wanted, base: Base | None = None
) -> list[Experiment]:
    """Returns the experiments that are asked for, none of them noted yet; ``base`` is
    what they start from, where that is known already.

    Raises UsageError for what no params file has, for a name that is taken, and for more
    than can be meant; GitError where nothing can be started from.
    """
    source = shelf.get(wanted.source) if wanted.source else None
    if source is not None:
        base = _base_of(source)
    base = base or workspace_base(session)
    given = _each_given(session, wanted)
    if source is not None:
        given = [_on_top(source.given, one) for one in given]
    chosen = _names(shelf, wanted.name, len(given))
    moment = now()
    return [
        Experiment(
            name=name,
            base=base.commit,
            head=base.head,
            inner=session.project.inner,
            given=values,
            targets=wanted.targets,
            source=wanted.source,
            note=wanted.note,
            tags=wanted.tags,
            # in the order in which they were asked for
            created=round(moment + number / 1e3, 3),
        )
        for number, (name, values) in enumerate(zip(chosen, given, strict=True))
    ]


def _base_of(source: Experiment) -> Base:
    return Base(source.head, source.base, "")


def _each_given(session: Session, wanted: Wanted) -> list[Values]:
    """The params of each experiment, by file; equal ones once."""
    axes = wanted.axes
    if wanted.draws:
        chosen = sweep.draw(axes, wanted.draws, wanted.seed, _MOST)
    else:
        chosen = sweep.cross(axes, _MOST)
    if wanted.sets:
        if len(wanted.sets) * len(chosen) > _MOST:
            raise UsageError(
                f"{len(wanted.sets) * len(chosen)} experiments are too many"
            )
        chosen = [{**one, **other} for one in wanted.sets for other in chosen]
    found: list[Values] = []
    seen: set[str] = set()
    for values in chosen:
        given = _by_file(session, values)
        text = repr(sorted((path, sorted(one.items())) for path, one in given.items()))
        if text not in seen:
            seen.add(text)
            found.append(given)
    return found


def _by_file(session: Session, values: dict[str, Any]) -> Values:
    return read_overrides(session, tuple(values.items()))


def _on_top(below: Values, above: Values) -> Values:
    return {
        path: {**below.get(path, {}), **above.get(path, {})}
        for path in dict.fromkeys((*below, *above))
    }


def _names(shelf: Shelf, wanted: str, count: int) -> list[str]:
    """Names for experiments: the one that is asked for, with a number where there are
    several; or made ones.
    """
    if wanted:
        found = [wanted] if count == 1 else [f"{wanted}-{n + 1}" for n in range(count)]
        taken = shelf.taken()
        for name in found:
            shelf.check_name(name)
            refuse_taken(name, taken)
        return found
    return shelf.new_names(count)
