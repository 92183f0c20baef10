"""Random sequences of commands, by several people, against a model in plain Python.

MLTRACK_SEQUENCES is how many (100), MLTRACK_SEED where they begin (1). A failure prints
all that was typed as a shell script, written to the file MLTRACK_SCRIPT too if that is
set. MLTRACK_SHRINK=1 looks for the shortest such sequence; MLTRACK_BY_PROCESS=1 runs
each command as a process.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine

PARTS = 10
"""So that several processes can share the work."""
SEQUENCES = int(os.environ.get("MLTRACK_SEQUENCES", "100"))
FIRST_SEED = int(os.environ.get("MLTRACK_SEED", "1"))
STEPS = 25
SHRINKING = os.environ.get("MLTRACK_SHRINK") == "1"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(min(PARTS, SEQUENCES)))
def test_every_recorded_byte_is_there_and_nothing_else_changes(part: int) -> None:
    number = FIRST_SEED + part
    chosen = settings(
        # the first is always the simplest one, which does next to nothing
        max_examples=SEQUENCES // PARTS + 1,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if SHRINKING else [Phase.generate],
    )
    print(f"MLTRACK_SEED={number} MLTRACK_SEQUENCES=1")
    run_state_machine_as_test(
        seed(number)(type("Seeded", (Machine,), {})), settings=chosen
    )
