"""Run records: one JSON object per result, named by its run key and the digest of its
outputs.

A record is the proof of how a result came to be: the lock block it would write, when,
where and from which commit it ran, and where its log is. Journal lines carry a lock
block with a checksum, so that a torn tail is told from damage.
"""

import json
from typing import Any, NamedTuple

from mltrack.errors import FormatError
from mltrack.formats import json_text
from mltrack.formats.lock_file import entry_data, parse_entry
from mltrack.formats.paths import check_path
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import canonical_json
from mltrack.pipeline.stage import LOCK_NAME, Entry

VERSION = 1
BY_RUN, BY_HAND, BY_RESTORE = "run", "hand", "restore"
"""How a result came to be recorded."""


class RunRecord(NamedTuple):
    """One result. ``started`` is in seconds since 1970, ``seconds`` the duration;
    ``by`` is 'run', 'hand', or in journals 'restore'. ``peak_memory`` is in bytes, of
    the largest process; ``program`` names what ran the command's first word.
    """

    key: str
    stage: str
    entry: Entry
    by: str = "run"
    started: float = 0.0
    seconds: float = 0.0
    exit_code: int = 0
    log: str = ""
    commit: str = ""
    dirty: bool = False
    runner: str = ""
    platform: str = ""
    peak_memory: int = 0
    program: str = ""


def outputs_digest(record: RunRecord, algorithm: Algorithm) -> str:
    """Returns the digest of the recorded outputs: paths, kinds and digests."""
    outs = [
        [path, content.kind, content.hex]
        for path, content in sorted(record.entry.outs.items())
    ]
    return algorithm.hex_of(canonical_json(outs))


def write(record: RunRecord, algorithm: Algorithm) -> str:
    """Returns the record as one JSON object on one line; what is empty is left out."""
    return (
        json.dumps(_data(record, algorithm), sort_keys=True, ensure_ascii=False) + "\n"
    )


def _data(record: RunRecord, algorithm: Algorithm) -> dict[str, Any]:
    data: dict[str, Any] = {
        "mltrack": VERSION,
        "key": algorithm.text(record.key),
        "stage": record.stage,
        "by": record.by,
        "started": round(record.started, 3),
        "seconds": round(record.seconds, 3),
        "exit_code": record.exit_code,
        "entry": entry_data(record.entry, algorithm),
    }
    if record.log:
        data["log"] = algorithm.text(record.log)
    for name, value in (
        ("commit", record.commit),
        ("dirty", record.dirty),
        ("runner", record.runner),
        ("platform", record.platform),
        ("peak_memory", record.peak_memory),
        ("program", record.program),
    ):
        if value:
            data[name] = value
    return data


def parse(data: bytes, algorithm: Algorithm, name: str) -> RunRecord:
    """Returns the record in ``data``; raises FormatError if it is malformed or newer
    than this mltrack.
    """
    return _parsed(json_text.load(data, name), algorithm, name)


def _parsed(value: Any, algorithm: Algorithm, name: str) -> RunRecord:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("mltrack"), int)
        or value["mltrack"] > VERSION
    ):
        raise FormatError(f"{name}: not a run record of version {VERSION}")
    try:
        return RunRecord(
            key=algorithm.parse(value["key"]),
            stage=str(value["stage"]),
            entry=parse_entry(value["entry"], algorithm, name),
            by=str(value["by"]),
            started=float(value["started"]),
            seconds=float(value["seconds"]),
            exit_code=int(value["exit_code"]),
            log=algorithm.parse(value["log"]) if "log" in value else "",
            commit=str(value.get("commit", "")),
            dirty=bool(value.get("dirty", False)),
            runner=str(value.get("runner", "")),
            platform=str(value.get("platform", "")),
            peak_memory=int(value.get("peak_memory", 0)),
            program=str(value.get("program", "")),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        # a record may be a stranger's, with values of any type
        raise FormatError(f"{name}: malformed run record: {error!r}") from None


class Fact(NamedTuple):
    """One line of a journal: a stage finished, on top of the lock whose bytes have the
    digest ``base``. ``name`` is the stage's in that lock.
    """

    lock_path: str
    base: str
    name: str
    record: RunRecord


def journal_line(fact: Fact, algorithm: Algorithm) -> bytes:
    """Returns one line of the journal: checksum, a space, and the fact as JSON."""
    record = _data(fact.record, algorithm)
    data = {
        "lock": fact.lock_path,
        "base": fact.base,
        "name": fact.name,
        "record": record,
    }
    text = canonical_json(data)
    # first in the line: a line that was cut short cannot match it
    return algorithm.hex_of(text).encode() + b" " + text + b"\n"


def parse_journal(data: bytes, algorithm: Algorithm, name: str) -> list[Fact]:
    """Returns the facts of a journal, in order.

    A damaged last line is what a kill leaves behind and is dropped; damage before it
    raises FormatError.
    """
    lines = data.split(b"\n")
    facts = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        checksum, _, fact = line.partition(b" ")
        if algorithm.hex_of(fact).encode() != checksum:
            # a power cut may leave the length, and zeros for the bytes
            if any(rest.strip(b"\0") for rest in lines[number:]):
                raise FormatError(
                    f"{name}:{number}: damaged line in the journal",
                    hint=f"delete {name} and run `mltrack repro`",
                )
            break
        value = json_text.load(fact, name)
        where = f"{name}:{number}"
        if not isinstance(value, dict) or not all(
            isinstance(value.get(key), str) for key in ("lock", "base", "name")
        ):
            raise FormatError(
                f"{where}: malformed line in the journal", hint=f"delete {name}"
            )
        lock_path = check_path(value["lock"], where)
        # folding writes there: a line must not name another file of the project
        if lock_path.rpartition("/")[2] != LOCK_NAME:
            raise FormatError(
                f"{where}: {lock_path!r} is not a lock", hint=f"delete {name}"
            )
        facts.append(
            Fact(
                lock_path,
                value["base"],
                value["name"],
                _parsed(value.get("record"), algorithm, where),
            )
        )
    return facts
