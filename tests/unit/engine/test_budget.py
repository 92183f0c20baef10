"""What stages that run at once may claim together."""

from mltrack.engine.budget import Budget
from tests.unit.engine.stages import claiming


def test_claims_are_free_again_when_they_are_given_back() -> None:
    budget = Budget({"gpus": 2.0})
    one = claiming("a", gpus=1.0)
    for _ in range(2):
        assert budget.fits(one)
        budget.take(one)
    assert not budget.fits(one)
    budget.give(one)
    assert budget.fits(one)


def test_shares_that_were_given_back_leave_no_remainder() -> None:
    budget = Budget({"cpus": 1.0})
    shares = [claiming(str(number), cpus=number / 10) for number in (1, 1, 3)]
    for share in shares:
        budget.take(share)
    for share in shares:
        budget.give(share)
    assert budget.fits(claiming("all", cpus=1.0))
    for number in range(10):
        share = claiming(str(number), cpus=0.1)
        assert budget.fits(share)
        budget.take(share)
    assert not budget.fits(claiming("more", cpus=0.1))


def test_who_claims_nothing_always_fits() -> None:
    budget = Budget({})
    assert budget.fits(claiming("a")) and budget.fits(claiming("a", licenses=0.0))
    assert not budget.fits(claiming("a", licenses=1.0))


def test_time_and_the_memory_of_a_gpu_are_not_counted_up() -> None:
    assert Budget({"gpus": 1.0}).fits(
        claiming("a", gpus=1.0, time=3600.0, gpu_memory=8e9)
    )
