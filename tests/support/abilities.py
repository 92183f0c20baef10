"""Tests of a way that only some systems have."""

import pytest

from mltrack.disk.abilities import Ability, has


def needs(ability: Ability) -> pytest.MarkDecorator:
    """Skips a test of what is only done with an ability."""
    return pytest.mark.skipif(
        not has(ability), reason=f"the ability {ability.value!r} is not here, or off"
    )
