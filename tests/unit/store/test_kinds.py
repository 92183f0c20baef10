"""What a server answers, in mltrack's words, and what is tried again."""

import pytest

from mltrack.errors import RemoteError
from mltrack.store.kinds.errors import translate
from mltrack.store.kinds.fsspec_store import _expected
from mltrack.store.kinds.retrying import Retrying
from mltrack.store.local.run_cache import MAX_BUNDLE_BYTES
from tests.support.memory_store import MemoryStore


class Said(Exception):
    """An error as botocore raises it."""

    def __init__(self, status: int, code: str) -> None:
        self.response = {
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


class Failing(MemoryStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.calls = error, 0

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.calls += 1
        raise translate(self.error, "s3://bucket", name)


@pytest.mark.parametrize(
    ("error", "tries"),
    [(Said(503, "SlowDown"), 5), (ConnectionRefusedError(), 2), (TimeoutError(), 2)],
    ids=["busy", "refuses", "silent"],
)
def test_a_place_that_is_busy_at_once_is_tried_as_often_as_one_that_was_not(
    error: Exception, tries: int
) -> None:
    store = Failing(error)
    with pytest.raises(RemoteError):
        Retrying(store, sleep=lambda seconds: None).get("name")
    assert store.calls == tries


@pytest.mark.parametrize("code", ["OperationAborted", "ConditionalRequestConflict"])
def test_two_requests_that_met_are_tried_again(code: str) -> None:
    problem = translate(Said(409, code), "s3://bucket", "name")
    assert isinstance(problem, RemoteError) and problem.retryable


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "BlobAlreadyExists")]
)
def test_a_name_that_is_taken_is_told_from_a_conflict(status: int, code: str) -> None:
    problem = translate(Said(status, code), "s3://bucket", "name")
    assert isinstance(problem, FileExistsError)


def test_a_bundle_of_run_records_may_come_whole_however_large() -> None:
    assert _expected("runs/0.jsonl") >= MAX_BUNDLE_BYTES
    assert _expected("gc/0.json") >= MAX_BUNDLE_BYTES > _expected("mltrack.json")
