"""A few calls at once: for the network and the kernel, which let go of Python's lock."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def run(calls: Iterable[Callable[[], T]], count: int) -> Iterator[T]:
    """Yields the results of calls as they end, with at most ``count`` under way;
    ``calls`` is drawn from as there is room. An error stops what has not begun, lets
    what has begun end, and is raised; nothing is ever swallowed.
    """
    # no pool for a directory: its import alone takes 10 ms
    if count <= 1:
        for call in calls:
            yield call()
        return
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait  # noqa: PLC0415 - 10 ms

    source = iter(calls)
    pool = ThreadPoolExecutor(count, thread_name_prefix="transfer")
    pending: set[Future[T]] = set()
    try:
        while True:
            while (
                len(pending) < count and (following := next(source, None)) is not None
            ):
                pending.add(pool.submit(following))
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except KeyboardInterrupt:
        # whoever interrupts does not wait for the network
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=not _is_interrupted(), cancel_futures=True)


def _is_interrupted() -> bool:
    import sys  # noqa: PLC0415

    return isinstance(sys.exception(), KeyboardInterrupt)
