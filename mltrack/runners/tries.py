"""How long, and how often, a connection that was lost is tried again."""

# seconds between tries; the last one is repeated until patience is over
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
_MAX_TRIES = 64
"""More losses of one transfer than this are no accident, however well it goes between
them.
"""


class Tries:
    """The tries of one piece of work. Moments are of the monotonic clock, whose zero
    means nothing.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lost = self._until = float("-inf")
        self._count = 0

    def note_loss(self, moment: float) -> bool:
        """Notes that the connection was lost, or could not be made; returns whether to
        try once more.
        """
        # it was well in between: patience begins anew
        if moment - self._lost > self._patience:
            self._until = moment + self._patience
        self._lost = moment
        self._count += 1
        return moment <= self._until and self._count < _MAX_TRIES

    @property
    def pause(self) -> float:
        """How long to wait before the next try."""
        return _PAUSES[min(self._count, len(_PAUSES)) - 1]
