"""What happened, as frozen records.

The engine and the stores yield these; a progress line, ``--json`` and a test are three
readers of one stream. What happens to stages stands in :mod:`mltrack.engine.events`.
"""

from typing import NamedTuple


class Progress(NamedTuple):
    """``done`` of ``total`` units of ``what`` are finished; ``total`` is 0 when it is
    not known yet, and so is ``total_bytes``, what all of them hold.
    """

    what: str
    done: int
    total: int = 0
    total_bytes: int = 0


class Meter:
    """How many files this process has looked at for their digests, how many bytes it has
    hashed, and moved (copied, sent, received), for whoever shows progress. Nothing is
    decided by it, and threads add to it without a lock: a count may be lost.

    With ``is_watched`` somebody looks, and what costs a little to count is counted too.
    """

    def __init__(self) -> None:
        self.files = 0
        self.hashed = 0
        self.moved = 0
        self.told = ""
        """What a program at work here says of how far it is, in its own words."""
        self.is_watched = False


meter = Meter()
"""One for the process: bytes are moved in rooms that know nothing of who asked."""
