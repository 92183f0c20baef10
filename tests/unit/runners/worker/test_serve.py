"""What a worker answers, over a connection to one on this machine: every request has
its answer, and no nonsense ends it.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import IntegrityError, MltrackError, RemoteError, WorkspaceError
from mltrack.objects.digest import XXH3
from mltrack.runners.connection import Address, Connection
from mltrack.runners.worker import frames
from mltrack.runners.worker.messages import (
    Cancel,
    Has,
    Hello,
    Holders,
    Known,
    Library,
    ListRaw,
    Part,
    Put,
    Read,
    ReadPart,
    ReadRaw,
    Request,
    Settle,
    Start,
    Take,
    Watch,
)
from mltrack.runners.worker.serve import PIECE

KEY = "ab" * 16
OVER = ("done", "failed", "cancelled", "lost")


def job(*commands: str, key: str = KEY, **changes: Any) -> dict[str, Any]:
    outputs = changes.pop("outputs", ())
    return {
        "key": key,
        "token": os.urandom(16).hex(),
        "label": "s",
        "project": "p",
        "shell": "/bin/sh",
        "directory": "",
        "setup": "",
        "timeout": None,
        "checkpoint": "",
        "items": [{"id": "", "commands": list(commands), "outputs": list(outputs)}],
        "inputs": [],
        "files": {},
        "kept": [],
        "variables": {},
        "unset": [],
        "resources": {},
        **changes,
    }


def ask(connection: Connection, message: Request, data: bytes = b"") -> dict[str, Any]:
    return connection.request(message, data)[0]


def end_of(connection: Connection, number: int = 1, key: str = KEY) -> dict[str, Any]:
    """Waits for the end of an attempt; returns what it says."""
    known: list[Any] = []
    while True:
        [row] = ask(connection, Watch([[key, number, -1, known]], 60.0))["jobs"]
        if row["state"] in OVER:
            return dict(row)
        known = [row["state"], row.get("gpus", [])]


def attempt(address: Address, number: int = 1) -> Path:
    return Path(address.place, "jobs", KEY, str(number))


# the host


def test_a_host_says_what_it_is_and_has(
    connection: Connection, address: Address
) -> None:
    found = ask(connection, Hello("xxh3", 3, "", 1 << 40))
    assert found["place"] == address.place and found["hashes"] is True
    assert [gpu[0] for gpu in found["gpus"]] == ["0", "1", "2"]
    assert abs(found["now"] - time.time()) < 3600 and found["cpus"] >= 1
    assert found["free"] > 0 < found["memory"]


def test_a_library_is_taken_or_refused(
    connection: Connection, address: Address
) -> None:
    assert ask(connection, Library([["xxhash/a.py", 2], ["xxhash/b.py", 1]]), b"aab")
    [folder] = Path(address.place, "lib").iterdir()
    found = {path.name: path.read_bytes() for path in (folder / "xxhash").iterdir()}
    assert found == {"a.py": b"aa", "b.py": b"b"}
    with pytest.raises(RemoteError, match="not the name of a library's file"):
        ask(connection, Library([["../x", 1]]), b"x")


def test_who_holds_gpus_is_told(connection: Connection) -> None:
    slots = ask(connection, Holders())["slots"]
    assert [(gpu[0], holder, foreign) for gpu, holder, foreign in slots] == [
        ("0", None, False),
        ("1", None, False),
    ]


# objects


def test_objects_are_taken_and_given(connection: Connection) -> None:
    one, two = XXH3.hex_of(b"one"), XXH3.hex_of(b"four")
    roots = [["file", one, 3, 1], ["file", two, 4, 1]]
    assert ask(connection, Has(roots))["has"] == [False, False]
    ask(connection, Put([[one, 3], [two, 4]]), b"onefour")
    ask(connection, Settle())
    assert ask(connection, Has(roots))["has"] == [True, True]
    reply, data = connection.request(Read([two, one]))
    assert (reply["sizes"], data) == ([4, 3], b"fourone")
    assert connection.request(ReadPart(two, 1))[1] == b"our"


def test_a_large_object_goes_in_pieces_and_comes_in_pieces(
    connection: Connection,
) -> None:
    data = os.urandom(PIECE + 1000)
    hex_digest = XXH3.hex_of(data)
    assert ask(connection, Part(hex_digest, len(data)))["offset"] == 0
    ask(connection, Part(hex_digest, len(data), 0), data[:PIECE])
    assert ask(connection, Part(hex_digest, len(data)))["offset"] == PIECE
    ask(connection, Part(hex_digest, len(data), PIECE), data[PIECE:])
    assert ask(connection, Has([["file", hex_digest, len(data), 1]]))["has"] == [True]
    pieces = [connection.request(ReadPart(hex_digest, at))[1] for at in (0, PIECE)]
    assert b"".join(pieces) == data and len(pieces[0]) == PIECE


def test_other_bytes_than_those_of_the_digest_are_told_as_damage(
    connection: Connection,
) -> None:
    with pytest.raises(IntegrityError, match="arrived with other bytes"):
        ask(connection, Put([[XXH3.hex_of(b"right"), 5]]), b"wrong")
    with pytest.raises(RemoteError, match="No such file"):
        ask(connection, Read([XXH3.hex_of(b"away")]))


# jobs


def test_a_job_runs_and_says_how_it_ended(
    connection: Connection, address: Address
) -> None:
    reply = ask(connection, Start(job("echo hi; echo 1 > o", outputs=["o"]), False))
    assert reply == {"found": False, "number": 1, "resumed": False}
    found = end_of(connection)
    assert (found["state"], found["exit_code"]) == ("done", 0)
    [item] = found["items"]
    assert item["outputs"] == {"o": ["file", XXH3.hex_of(b"1\n"), 2, 1]}
    reply, log = connection.request(Watch([[KEY, 1, 0, []], [KEY, 1, 2, []]], 0.0))
    assert [row["log"] for row in reply["jobs"]] == [3, 1] and log == b"hi\n\n"
    [row] = ask(connection, Known())["jobs"]
    assert (row["key"], row["number"], row["state"]) == (KEY, 1, "done")
    assert (row["label"], row["project"], row["is_taken"]) == ("s", "p", False)
    assert not (attempt(address) / "work").exists()


def test_inputs_that_lack_are_named_first(connection: Connection) -> None:
    one, two = XXH3.hex_of(b"one"), XXH3.hex_of(b"two")
    asked = job(
        "cat a b > o",
        outputs=["o"],
        inputs=[["a", "file", one, 3, 1], ["b", "file", two, 3, 1]],
    )
    ask(connection, Put([[one, 3]]), b"one")
    reply, data = connection.request(Start(asked, False))
    assert reply == {"missing": 1} and data.hex() == two
    assert ask(connection, Known())["jobs"] == []
    ask(connection, Put([[two, 3]]), b"two")
    assert ask(connection, Start(asked, False))["number"] == 1
    [item] = end_of(connection)["items"]
    assert item["outputs"]["o"][1] == XXH3.hex_of(b"onetwo")


def test_a_job_is_found_until_its_result_is_of_no_use(
    connection: Connection, address: Address
) -> None:
    asked = job("date +%N > o", outputs=["o"])
    assert not ask(connection, Start(asked, False))["found"]
    end_of(connection)
    again = {**asked, "token": "1" * 32}
    found = ask(connection, Start(again, False))
    assert found["found"] and found["number"] == 1
    ask(connection, Take(KEY, 1))
    assert ask(connection, Start(again, False))["found"], "its result is whole"
    assert ask(connection, Known([KEY]))["jobs"][0]["is_taken"]
    ask(connection, Take(KEY, 1, rejected=True))
    assert ask(connection, Start(again, False)) == {
        "found": False,
        "number": 2,
        "resumed": False,
    }
    end_of(connection, 2)
    assert ask(connection, Start({**asked, "token": "2" * 32}, True))["found"]
    ask(connection, Take(KEY, 2))
    assert ask(connection, Start({**asked, "token": "2" * 32}, True))["number"] == 3
    end_of(connection, 3)


def test_objects_of_a_result_of_no_use_are_compared(
    connection: Connection, address: Address
) -> None:
    ask(connection, Start(job("echo 1 > o", outputs=["o"]), False))
    end_of(connection)
    hex_digest = XXH3.hex_of(b"1\n")
    path = Path(address.place, "objects/xxh3", hex_digest[:2], hex_digest[2:])
    state = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"2\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    ask(connection, Take(KEY, 1, held=True))
    assert path.exists() and (attempt(address) / "held").exists()
    ask(connection, Take(KEY, 1, rejected=True))
    assert not path.exists() and not (attempt(address) / "held").exists()


def test_a_long_log_goes_once_its_result_was_taken(
    connection: Connection, address: Address
) -> None:
    for number, size in ((1, 10), (2, 2 << 20)):
        ask(connection, Start(job(f"head -c {size} /dev/zero"), True))
        end_of(connection, number)
        ask(connection, Take(KEY, number))
        assert (attempt(address, number) / "log").exists() == (number == 1)


def test_a_job_is_cancelled(connection: Connection) -> None:
    ask(connection, Start(job("sleep 600"), False))
    ask(connection, Cancel([[KEY, 1], ["cd" * 16, 7]]))
    assert end_of(connection)["state"] == "cancelled"


def test_who_watches_is_woken_by_the_next_request(connection: Connection) -> None:
    ask(connection, Start(job("sleep 600"), False))
    known: list[Any] = []
    while known[:1] != ["running"]:
        [row] = ask(connection, Watch([[KEY, 1, 0, known]], 60.0))["jobs"]
        known = [row["state"], row.get("gpus", [])]
    connection.send(Watch([[KEY, 1, 0, known]], 600.0))
    connection.send(Known([]))
    assert connection.receive()[0]["jobs"][0]["state"] == "running"
    assert connection.receive()[0] == {"jobs": []}
    ask(connection, Cancel([[KEY, 1]]))
    end_of(connection)


def test_a_job_goes_on_from_what_its_last_attempt_saved(connection: Connection) -> None:
    asked = job("echo x >> ck/at; test $(wc -l < ck/at) -ge 2", checkpoint="ck")
    assert not ask(connection, Start(asked, True))["resumed"]
    assert end_of(connection)["state"] == "failed"
    assert ask(connection, Start({**asked, "token": "1" * 32}, False))["found"]
    ask(connection, Take(KEY, 1))
    assert ask(connection, Start({**asked, "token": "1" * 32}, False))["resumed"]
    assert end_of(connection, 2)["state"] == "done"


def test_what_the_host_does_not_know_is_lost(connection: Connection) -> None:
    assert end_of(connection, 9)["state"] == "lost"


# nonsense


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"verb": "nosuch"},
        {"verb": "put", "objects": 7},
        {"verb": "put", "objects": [["../x", 1]]},
        {"verb": "read", "objects": ["../../etc/passwd"]},
        {"verb": "read_part", "hex": 7, "offset": 0},
        {"verb": "start", "job": 7, "fresh": False},
        {"verb": "start", "job": {"key": "../x"}, "fresh": False},
        {"verb": "start", "job": {"key": KEY}, "fresh": False},
        {"verb": "watch", "jobs": [["../x", 1, 0, []]], "seconds": 0},
        {"verb": "watch", "jobs": [7], "seconds": 0},
        {"verb": "cancel", "jobs": [["..", 1]]},
        {"verb": "take", "key": "..", "number": 1},
        {"verb": "hello", "algorithm": "md5", "gpus": None, "locks": "", "limit": 1},
        {"verb": "list_raw", "key": KEY, "number": 1, "path": "../.."},
        {
            "verb": "read_raw",
            "key": KEY,
            "number": 1,
            "path": "/etc",
            "inner": "passwd",
            "offset": 0,
        },
        {"verb": "library", "files": 7},
        {"verb": "has", "roots": [7]},
        {"verb": "part", "hex": "x", "size": 7},
        {"verb": "known", "keys": ["x"]},
    ],
)
def test_a_request_that_makes_no_sense_is_told_and_the_next_is_answered(
    connection: Connection, found: dict[str, Any]
) -> None:
    frames.send(connection._requests, found)
    connection.pending += 1
    with pytest.raises(MltrackError):
        connection.receive()
    assert ask(connection, Known([])) == {"jobs": []}


@pytest.mark.parametrize(
    "result",
    [
        {"items": 7},
        {"items": [7]},
        {"items": [{"outputs": 7}]},
        {"items": [{"outputs": {"o": 7}}]},
        {},
    ],
)
def test_a_result_that_somebody_changed_ends_no_worker(
    connection: Connection, address: Address, result: dict[str, Any]
) -> None:
    asked = job("true", outputs=[])
    ask(connection, Start(asked, False))
    end_of(connection)
    whole = {"mltrack": 1, "state": "done", **result}
    (attempt(address) / "result.json").write_text(json.dumps(whole))
    with pytest.raises(RemoteError, match="makes no sense"):
        ask(connection, Start({**asked, "token": "1" * 32}, False))
    ask(connection, Take(KEY, 1, rejected=True))
    assert ask(connection, Start({**asked, "token": "1" * 32}, False))["number"] == 2
    end_of(connection, 2)


def test_a_job_file_that_somebody_changed_is_told_as_such(
    connection: Connection, address: Address
) -> None:
    ask(connection, Start(job("true"), False))
    end_of(connection)
    (attempt(address) / "job.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"job\.json is not as mltrack writes it"):
        ask(connection, Start(job("true"), False))
    [row] = ask(connection, Known())["jobs"]
    assert row["state"] == "lost" and row["label"] == ""


def test_outputs_that_could_not_be_hashed_are_listed_and_read(
    connection: Connection, address: Address
) -> None:
    ask(connection, Start(job("true"), False))
    end_of(connection)
    work = attempt(address) / "work"
    (work / "d").mkdir(parents=True)
    (work / "d/x").write_bytes(b"0123")
    assert ask(connection, ListRaw(KEY, 1, "d"))["rows"] == [
        ["", "tree", 0, ""],
        ["x", "file", 4, ""],
    ]
    assert connection.request(ReadRaw(KEY, 1, "d", "x", 1))[1] == b"123"
