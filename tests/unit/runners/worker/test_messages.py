"""What is asked of a worker: the same record on both sides, of whatever age."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.runners.worker import messages
from mltrack.runners.worker.messages import (
    KINDS,
    Known,
    Part,
    Request,
    Take,
    from_wire,
    to_wire,
)

values = st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.none())
requests = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: st.tuples(*(values for _ in KINDS[name]._fields)).map(
        lambda fields: KINDS[name](*fields)
    )
)


@given(requests)
def test_a_request_is_the_same_on_the_other_side(request: Any) -> None:
    sent = to_wire(request)
    assert KINDS[sent["verb"]] is type(request)
    assert from_wire(sent) == request and type(from_wire(sent)) is type(request)


@given(requests)
def test_what_a_newer_side_adds_is_passed_over(request: Any) -> None:
    assert from_wire({**to_wire(request), "of a newer one": 1}) == request


def test_what_an_older_side_leaves_out_has_its_default() -> None:
    assert from_wire({"verb": "known"}) == Known(None)
    assert from_wire({"verb": "take", "key": "k", "number": 1}) == Take(
        "k", 1, held=False, rejected=False
    )
    assert from_wire({"verb": "part", "hex": "ab", "size": 7}) == Part("ab", 7, 0)


@pytest.mark.parametrize(
    "found",
    [{}, {"verb": "nosuch"}, {"verb": ["start"]}, {"verb": "start"}, {"verb": "part"}],
)
def test_a_request_that_makes_no_sense_is_told(found: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError)):
        from_wire(found)


def test_every_request_has_a_name_of_its_own() -> None:
    assert set(KINDS.values()) == set(get_args(Request)) and len(KINDS) == 17
    assert all(messages.__dict__[kind.__name__] is kind for kind in KINDS.values())
