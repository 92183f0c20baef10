"""Laws of running, over two thousand random pipelines with params, groups, frozen and
failing stages, side by side.

The engine is the real one, on a real disk; commands are computed by a stub that ends
them in any order.
"""

import random
import subprocess
from pathlib import Path

import pytest

from mltrack.errors import PipelineError
from mltrack.verbs import init
from tests.support.model import Model

SEEDS, EACH, ROUNDS = range(40), 50, 2


@pytest.mark.parametrize("seed", SEEDS)
def test_what_runs_and_what_it_writes_is_what_the_model_says(
    seed: int, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    init.init(str(tmp_path), where=init.Hooks.NOWHERE)
    chance = random.Random(seed)
    model = Model(tmp_path, chance)
    for number in range(EACH):
        model.fresh()
        for round_ in range(ROUNDS + 1):
            jobs = chance.randint(1, 4)
            where = f"seed {seed}, pipeline {number}, round {round_}"
            frozen_gap = frozen_without_a_result(model)
            expected, files = model.expect()
            if frozen_gap:
                try:
                    model.repro(jobs)
                except PipelineError as error:
                    assert "does not exist" in error.message
                break
            assert model.repro(jobs) == expected, where
            for address, (name, item) in model.addresses().items():
                if expected[address] in ("ran", "kept"):
                    assert (tmp_path / f"{name}{item}.out").read_text() == files[
                        f"{name}{item}.out"
                    ], where
            if "failed" not in expected.values():
                again = model.repro(jobs)
                always = {
                    a
                    for a, (name, _) in model.addresses().items()
                    if model.stages[name].always and not model.stages[name].frozen
                }
                assert {
                    address for address, what in again.items() if what == "ran"
                } == always, f"{where}: nothing had changed"
                model.expect()
            model.change()


def frozen_without_a_result(model: Model) -> bool:
    """Whether a frozen stage has nothing to give: then what depends on it is refused,
    which ends the round.
    """
    return any(
        model.stages[name].frozen
        and address not in model.recorded
        and not (model.path / f"{name}{item}.out").exists()
        for address, (name, item) in model.addresses().items()
    )
