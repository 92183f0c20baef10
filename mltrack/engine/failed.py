"""An attempt that gave no result."""

from mltrack.runners.job import Failure


class Failed(Exception):
    """The attempt did not give a result; ``code`` is the command's, None where it gave
    none. ``failure`` is its kind where another try may do better; its rule says which.
    """

    def __init__(
        self, message: str, code: int | None = 0, *, failure: Failure | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.failure = failure
