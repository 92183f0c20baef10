"""Patience with connections that are lost: long enough, and never for ever."""

import pytest

from mltrack.runners.tries import Tries


@pytest.mark.parametrize("boot", [0.0, 1.0, 1e6])
def test_the_first_loss_is_never_final(boot: float) -> None:
    """Also in the first minutes after this machine has started."""
    assert Tries(120.0).note_loss(boot)


def test_patience_is_over_when_nothing_goes_well_for_long() -> None:
    tries = Tries(120.0)
    assert tries.note_loss(100.0) and tries.note_loss(219.0)
    assert not tries.note_loss(221.0)


def test_patience_begins_anew_when_it_was_well_in_between() -> None:
    tries = Tries(120.0)
    assert tries.note_loss(100.0) and tries.note_loss(300.0) and tries.note_loss(419.0)


def test_losses_without_end_come_to_an_end() -> None:
    tries = Tries(120.0)
    assert not all(tries.note_loss(1000.0 * n) for n in range(1000))


def test_pauses_grow() -> None:
    tries, pauses = Tries(120.0), []
    for _ in range(6):
        tries.note_loss(0.0)
        pauses.append(tries.pause)
    assert pauses == [0.2, 0.5, 1.0, 2.0, 4.0, 4.0]
