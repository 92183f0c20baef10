"""One attempt from beginning to end, in a process of its own that outlives the
connection it was asked for over.

GPUs are waited for in line; inputs are linked into an empty directory; commands run
there, one item after another, in a process group of their own; outputs become objects.
The result is written last, whatever happened.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

from . import attempts
from .attempts import Attempt
from .course import Course, arguments
from .inputs import Inputs, are_intact
from .objects import Damaged, Objects
from .raw import check_raw
from .slots import Request, Slots, visible
from .system import (
    GRACE_SECONDS,
    MEMORY_UNIT,
    VARIABLE,
    end_descendants,
    holder_note,
    words_of,
    write_all,
)
from .watching import Watch, Wishes, log_variables, own_library, warning

# seconds between looks: an end, or the wish for one, is seen that much late
_LOOK_SECONDS = 0.05
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
# in bytes: the result names outputs, not files
_SPARE_BYTES = 1 << 16


class Cancelled(Exception):
    """Someone asked for the end of it."""


class Supervisor:
    """Carries out one attempt. ``alive`` is its lock, held until the process ends."""

    def __init__(
        self,
        attempt: Attempt,
        alive: int,
        job: dict[str, Any],
        objects: Objects,
        slots: Slots,
    ) -> None:
        self._attempt, self._alive, self._job = attempt, alive, job
        self._objects, self._slots = objects, slots
        self._log = os.open(
            attempt.file("log"),
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
            0o600,
        )
        self._request: Request | None = None
        self._inputs = Inputs(attempt.work, job, objects)
        self._result: dict[str, Any] = {
            "mltrack": attempts.VERSION,
            "state": attempts.FAILED,
            "items": [],
            "missing": [],
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._live = os.path.join(attempt.work, str(job.get("live") or "live"))
        done = {item["id"] for item in job.get("done", [])}
        self._course = Course(
            [
                (item["id"], item["commands"])
                for item in job["items"]
                if item["id"] not in done
            ],
            None if job.get("timeout") is None else float(job["timeout"]),
            Watch(
                Wishes(self._live, job.get("stop", ()), bool(job.get("monitor"))),
                os.environ,
                lambda words: write_all(self._log, warning(words)),
            ),
        )
        self._adopts = False

    def run(self) -> None:
        """Runs it to its end. Raises nothing: what went wrong stands in the result."""
        spare = self._attempt.file("spare")
        self._adopts = _adopt_orphans()
        started = time.monotonic()
        try:
            # room for the result, should the disk be full by then
            with open(spare, "wb") as file:
                file.write(b"\0" * _SPARE_BYTES)
            threading.Thread(target=self._beat, daemon=True).start()
            self._wait_for_gpus()
            started = time.monotonic()
            # only now: time in line does not count against the timeout
            self._course.begin(started)
            self._inputs.place()
            self._check_cancelled()
            self._note(attempts.RUNNING)
            self._run_items()
            self._check_inputs()
        except Cancelled:
            self._result["state"] = attempts.CANCELLED
        except Damaged as error:
            self._result.update(state=attempts.LOST, problem=str(error))
        except OSError as error:
            self._result.update(state=attempts.FAILED, problem=words_of(error))
        except Exception as error:  # whatever it is, someone waits for the result
            self._result.update(
                state=attempts.FAILED, problem=f"{type(error).__name__}: {error}"
            )
        self._finish(spare, started)

    def _finish(self, spare: str, started: float) -> None:
        # first: nothing may write to a checkpoint while it is taken
        end_descendants()
        if not self._adopts:
            # daemons that got away carry the token
            attempts.end_leftovers(self._attempt)
        with suppress(OSError):
            os.unlink(spare)
        result = self._result
        result["seconds"] = round(time.monotonic() - started, 3)
        result["peak_memory"] = (
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * MEMORY_UNIT
        )
        result["timed_out"] = self._course.timed_out
        result["stopped"] = self._course.stopped
        result["gpus"] = self._request.names if self._request is not None else []
        result["host"] = socket.gethostname()
        try:
            if result["state"] != attempts.DONE:
                self._save_checkpoint()
            # raw outputs lie there until they are fetched
            if self._objects.hashing is not None:
                remove(self._attempt.work)
            # before the result, which names them
            self._objects.settle()
        except (OSError, Damaged) as error:
            result.update(
                state=attempts.FAILED, problem=result.get("problem") or str(error)
            )
        # before the result: whoever reads it may send the next job at once
        if self._request is not None:
            self._request.release()
        for _ in range(2):
            try:
                attempts.write_json(self._attempt.file("result.json"), result)
                return
            except OSError:  # no space even for that: the outputs go first
                remove(self._attempt.work)
                result.update(
                    items=[],
                    checkpoint=None,
                    state=attempts.FAILED,
                    problem=result.get("problem") or "disk full",
                )

    # before

    def _wait_for_gpus(self) -> None:
        count = int(self._job["resources"].get("gpus", 0))
        if not count:
            self._note(attempts.QUEUED)
            return
        note = {**holder_note(self._job["label"]), "host": socket.gethostname()}
        self._request = self._slots.request(
            count, note, int(self._job["resources"].get("gpu_memory", 0))
        )
        self._note(attempts.QUEUED)
        while not self._request.try_take():
            self._check_cancelled()
            time.sleep(_LOOK_SECONDS)

    # commands

    def _run_items(self) -> None:
        """Runs the items that no earlier attempt has done; the first failure is the
        job's.
        """
        done = {item["id"]: item for item in self._job.get("done", [])}
        with open(self._attempt.file("items.jsonl"), "w", encoding="utf-8") as notes:
            for item in self._job["items"]:
                row = done.get(item["id"])
                if row is None and self._course.is_over:
                    continue  # time is over
                row = row or self._run_item(item)
                self._result["items"].append(row)
                notes.write(json.dumps(row) + "\n")
                # a kill leaves the rows of what was done
                notes.flush()
        failed = [row for row in self._result["items"] if row["exit_code"] != 0]
        first = failed[0] if failed else {"exit_code": 0, "command": ""}
        self._result["state"] = attempts.FAILED if failed else attempts.DONE
        self._result["exit_code"] = first["exit_code"]
        self._result["command"] = first["command"]
        self._result["missing"] = [
            path for row in self._result["items"] for path in row["missing"]
        ]

    def _run_item(self, item: dict[str, Any]) -> dict[str, Any]:
        ended = None
        while ended is None:
            code = self._run_command(self._course.command)
            ended = self._course.note_end(code, time.monotonic())
        row: dict[str, Any] = {
            "id": item["id"],
            "exit_code": ended.exit_code,
            "command": ended.command,
            "seconds": round(ended.seconds, 3),
            "outputs": {},
            "missing": [],
        }
        wanted = item["outputs"]
        if ended.exit_code != 0:
            # what it logged until then says why
            live = self._job.get("live") or "live"
            wanted = [path for path in wanted if _lies_in(path, live)]
            wanted = [path for path in wanted if os.path.lexists(self._file(path))]
        self._take_outputs(wanted, row)
        return row

    def _file(self, path: str) -> str:
        return os.path.join(self._attempt.work, path)

    def _take_outputs(self, paths: list[str], row: dict[str, Any]) -> None:
        """Makes objects of what an item wrote, and notes them in its row."""
        end_descendants()  # nothing may write to outputs that are being hashed
        for path in paths:
            full = self._file(path)
            if not os.path.lexists(full):
                row["missing"].append(path)
                continue
            try:
                row["outputs"][path] = self._take_output(path, full)
            except Damaged as error:
                self._result["problem"] = str(error)
                row["exit_code"] = 1

    def _take_output(self, path: str, full: str) -> list[Any]:
        if self._objects.hashing is not None:
            return list(self._objects.take_in(full))
        # refused here: later nobody could say which command made it
        check_raw(self._attempt, path)
        return ["raw", "", 0]

    def _run_command(self, command: str) -> int:
        job, work = self._job, self._attempt.work
        unset = job.get("unset", ())
        variables = {
            **{name: value for name, value in os.environ.items() if name not in unset},
            **job["variables"],
            "MLTRACK_ROOT": work,
            VARIABLE: job["token"],
        }
        variables.update(log_variables(variables, self._live, own_library()))
        if "gpus" in job["resources"]:
            variables.update(visible(self._request))
        self._process = subprocess.Popen(
            arguments(job["shell"], command, job.get("setup") or ""),
            cwd=os.path.join(work, job["directory"]),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            # with the locks on its GPUs
            pass_fds=self._request.descriptors if self._request is not None else [],
        )
        while True:
            try:
                return self._process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            if self._is_cancelled():
                self._end_command()
                raise Cancelled
            if self._course.overdue(time.monotonic()):
                self._end_command()
                code = self._process.returncode
                # none where it survives even that, in the middle of a disk's answer
                return -int(signal.SIGKILL) if code is None else code

    def _end_command(self) -> None:
        """Ends the command with all that it started: asked first, killed if it does not
        listen.
        """
        process = self._process
        assert process is not None
        # killed processes, too, may take a while: in the middle of a disk's answer
        for number, patience in (
            (signal.SIGTERM, GRACE_SECONDS),
            (signal.SIGKILL, GRACE_SECONDS),
        ):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                break
        # what of the group outlived its first process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        end_descendants()

    def _is_cancelled(self) -> bool:
        return os.path.exists(self._attempt.file("cancel"))

    def _check_cancelled(self) -> None:
        if self._is_cancelled():
            raise Cancelled

    # after

    def _check_inputs(self) -> None:
        try:
            self._inputs.check()
        except (OSError, Damaged):
            # no command of it is at fault
            self._result.update(exit_code=None, command="")
            raise

    def _save_checkpoint(self) -> None:
        path = self._job.get("checkpoint")
        if path and self._objects.hashing is not None:
            try:
                self._inputs.check()
            except (OSError, Damaged):
                return  # the next attempt must not go on from something else
            full = os.path.join(self._attempt.work, path)
            if os.path.isdir(full) and os.listdir(full):
                self._result["checkpoint"] = list(self._objects.take_in(full))

    def _note(self, state: str) -> None:
        gpus = self._request.names if self._request is not None else []
        facts = {
            "state": state,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "gpus": gpus,
            "live": self._live,
        }
        attempts.write_json(self._attempt.file("state.json"), facts)

    def _beat(self) -> None:
        while True:
            time.sleep(attempts.HEARTBEAT_SECONDS)
            # the disk is full or away: the next beat may get through
            with suppress(OSError):
                os.utime(self._alive)
            if self._request is not None:
                self._request.touch()


def _lies_in(path: str, directory: str) -> bool:
    # with the slash: `live-old` does not lie in `live`
    return path == directory or path.startswith(directory + "/")


def _adopt_orphans() -> bool:
    """Makes this process the parent of whatever its descendants leave behind, also of
    daemons; returns whether it is.
    """
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def bury(attempt: Attempt, objects: Objects) -> dict[str, Any]:
    """Gives an attempt whose supervisor is gone the result that it is lost; what it
    saved as a checkpoint is kept. The caller holds the key's lock.
    """
    state = attempts.look(attempt)
    if (
        state["state"] != attempts.LOST
        or os.path.exists(attempt.file("result.json"))
        or not os.path.isdir(attempt.path)
    ):
        return state
    result: dict[str, Any] = {
        "mltrack": attempts.VERSION,
        "items": [],
        "missing": [],
        **state,
    }
    job = attempts.read_json(attempt.file("job.json")) or {}
    full = os.path.join(attempt.work, str(job.get("checkpoint") or "."))
    if (
        job.get("checkpoint")
        and objects.hashing is not None
        and are_intact(attempt, objects)
        and os.path.isdir(full)
        and os.listdir(full)
    ):
        # the result has to be written, with a checkpoint or without
        with suppress(OSError, Damaged):
            result["checkpoint"] = list(objects.take_in(full))
            # before the result, which names it
            objects.settle()
    attempts.write_json(attempt.file("result.json"), result)
    remove(attempt.work)
    return result


def remove(path: str) -> None:
    """Removes a directory with all in it, also what a command has made read-only."""
    for directory, names, _ in os.walk(path):
        for name in names:
            with suppress(OSError):
                if not os.path.islink(os.path.join(directory, name)):
                    os.chmod(os.path.join(directory, name), 0o700)
    shutil.rmtree(path, ignore_errors=True)
