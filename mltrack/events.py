"""What happened, as frozen records.

The engine and the stores yield these; a progress line, ``--json`` and a test are three
readers of one stream. What happens to stages stands in :mod:`mltrack.engine.events`.
"""

from typing import NamedTuple


class Progress(NamedTuple):
    """``done`` of ``total`` units of ``what`` are finished; ``total`` is 0 when it is
    not known yet.
    """

    what: str
    done: int
    total: int = 0
