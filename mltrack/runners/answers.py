"""What a host answers, as records. A host's word is taken for nothing that the job did
not ask for.
"""

from typing import Any

from mltrack.errors import RemoteError
from mltrack.objects.content import KINDS, Content
from mltrack.objects.digest import Algorithm
from mltrack.runners.job import Failure, ItemResult, Poll, State
from mltrack.runners.task import Task

RAW = "raw"
"""The kind of an output that its host could not hash."""


def poll_of(
    task: Task, row: dict[str, Any], host: str, algorithm: Algorithm, *, hashes: bool
) -> Poll:
    """Returns how a job has ended; its outputs stand in ``left``. ``hashes`` says
    whether the host can hash.

    Raises RemoteError, KeyError, TypeError or ValueError for an answer that makes no
    sense.
    """
    items = row.get("items", [])
    return Poll(
        State(row["state"]),
        exit_code=row.get("exit_code"),
        command=str(row.get("command", "")),
        peak_memory=int(row.get("peak_memory", 0)),
        failure=_failure(row),
        stopped=str(row.get("stopped", "")),
        items=tuple(
            ItemResult(
                str(item["id"]), int(item["exit_code"]), item.get("seconds", 0.0)
            )
            for item in items
        ),
        place=host,
        gpus=tuple(map(str, row.get("gpus", []))),
        problem=str(row.get("problem", "")),
        # a host that can hash has no reason to name bytes without a digest
        left=_outputs(
            task, items, host, algorithm, (*KINDS, *(() if hashes else (RAW,)))
        ),
        seconds=float(row.get("seconds", 0.0)),
    )


def _failure(row: dict[str, Any]) -> Failure | None:
    """What the host knows by itself of how the job ended."""
    if row.get("stopped"):
        return Failure.STOPPED
    return Failure.TIMEOUT if row.get("timed_out") else None


def values_in(reply: dict[str, Any]) -> dict[str, float]:
    """Returns the last values that a job has logged, which a host was asked for."""
    rows = reply.get("jobs")
    found = rows[0].get("values") if isinstance(rows, list) and len(rows) == 1 else None
    if not isinstance(found, dict):
        return {}
    return {
        str(name): value
        for name, value in found.items()
        if isinstance(value, int | float)
    }


def digests_in(data: bytes, algorithm: Algorithm) -> list[str]:
    """Returns digests that follow one another."""
    size = algorithm.raw_size
    return [data[at : at + size].hex() for at in range(0, len(data), size)]


def _outputs(
    task: Task,
    items: list[dict[str, Any]],
    host: str,
    algorithm: Algorithm,
    kinds: tuple[str, ...],
) -> dict[str, Content]:
    """The outputs that a host names: only what the job declares, of kinds that there
    are.
    """
    declared = {path for item in task.job.items for path in item.outputs}
    found = {}
    for item in items:
        for path, (kind, hex_digest, size, *files) in item["outputs"].items():
            if (
                path not in declared
                or kind not in kinds
                or not (kind == RAW or algorithm.is_hex(hex_digest))
            ):
                raise RemoteError(
                    f"{host} names an output {path!r} of kind {kind!r}, which nobody "
                    "asked for"
                )
            found[path] = Content(
                str(kind), str(hex_digest), int(size), int(files[0]) if files else 1
            )
    return found
