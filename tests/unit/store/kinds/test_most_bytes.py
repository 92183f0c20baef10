"""How much an answer may hold: bounded where the size is known, and only there."""

import contextvars
import threading

import pytest

from mltrack.store.kinds.most_bytes import LEFT, MOST_BYTES, at_most, in_all_at_most


def test_a_bound_holds_for_its_block_and_the_outer_one_comes_back() -> None:
    usual = MOST_BYTES.get()
    with at_most(100):
        inner = MOST_BYTES.get()
        assert 100 < inner < 1 << 20 < usual, (
            "an error may be longer than what it is of"
        )
        with at_most(1):
            assert MOST_BYTES.get() < inner
        assert MOST_BYTES.get() == inner
    assert MOST_BYTES.get() == usual
    with pytest.raises(KeyError), at_most(1):
        raise KeyError
    assert MOST_BYTES.get() == usual


def test_a_bound_for_all_answers_is_counted_down_together() -> None:
    assert LEFT.get() is None
    with in_all_at_most(10):
        left = LEFT.get()
        assert left == [10]
        assert left is not None
        left[0] -= 4
        # as tasks of another thread's loop do, which inherit what is set
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(lambda: LEFT.get().__setitem__(0, 3),)
        )
        thread.start()
        thread.join()
        assert LEFT.get() == [3]
        with in_all_at_most(5):
            assert LEFT.get() == [5]
        assert LEFT.get() == [3]
    assert LEFT.get() is None


def test_another_thread_is_not_bound_by_it() -> None:
    seen: list[object] = []
    with at_most(1), in_all_at_most(1):
        thread = threading.Thread(
            target=lambda: seen.extend([MOST_BYTES.get(), LEFT.get()])
        )
        thread.start()
        thread.join()
    assert seen == [MOST_BYTES.get(), None]
