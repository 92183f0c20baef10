"""``foreach`` and ``matrix``: one declared group into many stages, each with a key and
values of its own.

The keys are those of ``dvc.yaml``: of a list of plain values the value, of other lists
the position, of a mapping its key; of a matrix the values of its variables joined with
``-``, where a value that is a list or a mapping is written as the variable's name and
its position.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, NamedTuple

from mltrack.errors import PipelineError
from mltrack.pipeline.differences import same_value
from mltrack.pipeline.interpolate import as_name

# stages: three lists of 1,000 would be a billion, from one line of YAML
MAX_STAGES = 100_000
INCLUDE, EXCLUDE = "include", "exclude"


class Expanded(NamedTuple):
    """One stage of a group: what stands behind the ``@`` of its name, and the values
    that its templates see.
    """

    key: str
    values: dict[str, Any]


def foreach(over: Any) -> list[Expanded]:
    """Returns the stages of a ``foreach`` over a list or a mapping; raises
    PipelineError for anything else.
    """
    if isinstance(over, Mapping):
        _check_count(len(over))
        return [
            Expanded(str(key), {"item": value, "key": key})
            for key, value in over.items()
        ]
    if not isinstance(over, list):
        raise PipelineError(
            "must be a list or a mapping of what to repeat the stage over"
        )
    _check_count(len(over))
    # for all of them, as soon as one has no text that could be a name
    by_position = any(isinstance(value, Mapping | list) for value in over)
    found = [
        Expanded(str(index) if by_position else as_name(value), {"item": value})
        for index, value in enumerate(over)
    ]
    _check_distinct(found)
    return found


Combination = tuple[str, dict[str, Any]]
"""The key of an expanded stage, and the values of its variables."""


def _combinations(
    axes: Mapping[str, list[Any]], excluded: list[dict[str, Any]]
) -> Iterator[Combination]:
    """Every combination of the variables' values that agrees with nothing that is
    excluded.
    """
    for chosen in (
        product(*(enumerate(values) for values in axes.values())) if axes else ()
    ):
        item = {name: value for name, (_, value) in zip(axes, chosen, strict=True)}
        # before includes: these may bring back what was left out
        if not any(_agrees(item, pattern) for pattern in excluded):
            yield (
                "-".join(
                    _part(name, *pair) for name, pair in zip(axes, chosen, strict=True)
                ),
                item,
            )


def _include(
    found: list[Combination],
    axes: Mapping[str, list[Any]],
    included: list[dict[str, Any]],
) -> None:
    """Adds values to the combinations that agree with a mapping which names more, or
    the mapping as a combination.
    """
    for number, extra in enumerate(included):
        fitting = [
            item
            for _, item in found
            if _agrees(item, {k: v for k, v in extra.items() if k in axes})
        ]
        adds_values = not extra.keys() <= axes.keys() and bool(
            extra.keys() & axes.keys()
        )
        if fitting and adds_values:
            for item in fitting:
                item.update(extra)
        else:
            found.append(
                (
                    "-".join(
                        _part(name, number, value) for name, value in extra.items()
                    ),
                    dict(extra),
                )
            )


def matrix(variables: Any) -> list[Expanded]:
    """Returns the stages of a ``matrix``: every combination of its variables' values.

    ``exclude`` is a list of mappings: a combination that agrees with one of them is
    left out. ``include`` is a list of mappings: one that agrees with combinations, and
    names more than the variables, adds its other values to those; one that agrees with
    none is a combination of its own.
    """
    if not isinstance(variables, Mapping):
        raise PipelineError("must be a mapping of variables to lists of values")
    axes = {
        name: values
        for name, values in variables.items()
        if name not in (INCLUDE, EXCLUDE)
    }
    for name, values in axes.items():
        if not isinstance(values, list):
            raise PipelineError(f"{name!r} must be a list of values")
    # counted before any of them is made
    _check_count(prod(len(values) for values in axes.values()) if axes else 0)
    found = list(_combinations(axes, _mappings(variables, EXCLUDE)))
    _include(found, axes, _mappings(variables, INCLUDE))
    # once more: each `include` may be a stage of its own
    _check_count(len(found))
    result = [Expanded(key, {"item": item, "key": key}) for key, item in found]
    _check_distinct(result)
    return result


def _part(name: str, position: int, value: Any) -> str:
    return f"{name}{position}" if isinstance(value, Mapping | list) else as_name(value)


def _mappings(variables: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What an ``include`` or ``exclude`` lists."""
    value = variables.get(name, [])
    if not isinstance(value, list) or not all(
        isinstance(item, dict) and item for item in value
    ):
        raise PipelineError(
            f"{name!r} must be a list of mappings of variables to values"
        )
    return value


def _agrees(item: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    return all(
        name in item and same_value(item[name], value)
        for name, value in pattern.items()
    )


def _check_count(count: int) -> None:
    if count > MAX_STAGES:
        raise PipelineError(
            f"{count:,} stages are more than the {MAX_STAGES:,} that one declaration "
            "may give"
        )


def _check_distinct(found: list[Expanded]) -> None:
    seen: set[str] = set()
    for stage in found:
        # 1 and "1", or true and "true", are one name
        if stage.key in seen:
            raise PipelineError(f"two stages would have the key {stage.key!r}")
        seen.add(stage.key)
