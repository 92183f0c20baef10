"""Real servers for the tests: each starts on loopback, on a port of its own, and is
stopped by pid.

A service whose program is missing raises :class:`Missing` with the reason, and its
tests are skipped with it.
"""
