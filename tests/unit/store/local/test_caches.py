"""The cache for several threads: each has one of its own."""

import threading

from mltrack.store.local.cache import Cache
from mltrack.store.local.caches import Caches
from tests.support.objects import put


def test_each_thread_has_its_own_and_keeps_it(cache: Cache) -> None:
    [hex_digest] = put(cache, b"one")
    caches, found = Caches(cache), dict[int, tuple[Cache, Cache, bytes]]()

    def ask(number: int) -> None:
        own = caches.get()
        found[number] = own, caches.get(), own.read(hex_digest)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(3)
    assert all(one is same and data == b"one" for one, same, data in found.values())
    assert len({id(one) for one, _, _ in found.values()} | {id(cache)}) == 5
    assert caches.algorithm is cache.algorithm
