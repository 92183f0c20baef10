"""What an experiment is, as a record: what it starts from, what it changes, what became
of it.

One that is done is a commit below ``refs/mltrack/exps/``, whose message holds this as
one JSON object behind a line for people. Until then it is a file of the same JSON.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from math import isfinite
from typing import Any

from mltrack.errors import FormatError
from mltrack.formats.paths import check_path

VERSION = 1
Values = dict[str, dict[str, Any]]
"""For each file, values by dotted key."""
# of a subject: git's own tools show about so much of it on a line
_SUBJECT = 72


class State(Enum):
    """Where an experiment stands. One that is STOPPED was under way when whoever ran it
    ended; it can be started again, as one that is QUEUED.
    """

    QUEUED = "queued"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


RAN, RESTORED, UNCHANGED = "ran", "restored", "unchanged"
RUNNING, FAILED = "running", "failed"


@dataclass(frozen=True, slots=True)
class Done:
    """One stage of an experiment: how it came to its result (``RAN`` and so on), its run
    key, and for how long and where its command ran.
    """

    how: str
    key: str = ""
    seconds: float = 0.0
    runner: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """``base`` is the commit that it starts from, ``head`` the one that was checked out
    then; they differ where the workspace held changes. ``inner`` is where the project
    lies in the repository. ``given`` are the params that were set, ``params`` all that
    its stages depend on. Times are in seconds since 1970.
    """

    name: str
    base: str
    head: str
    inner: str = ""
    given: Values = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    source: str = ""
    """The experiment that it was made from, '' for none."""
    note: str = ""
    tags: tuple[str, ...] = ()
    created: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    state: State = State.QUEUED
    reason: str = ""
    """Why it failed."""
    stage: str = ""
    """Where it is, or where it failed."""
    machine: str = ""
    """Where it was run from: system, processor, Python."""
    params: Values = field(default_factory=dict)
    metrics: Values = field(default_factory=dict)
    stages: dict[str, Done] = field(default_factory=dict)
    commit: str = ""
    """The commit that it is, once it is done; not part of its text."""

    @property
    def changes(self) -> str:
        """What it sets, in few words."""
        return ", ".join(
            f"{key}={_short(value)}"
            for values in self.given.values()
            for key, value in values.items()
        )

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far by its own record; 0 before it began."""
        return max(0.0, self.ended - self.started) if self.ended else 0.0


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def subject(one: Experiment) -> str:
    """Returns the line for people."""
    text = f"{one.name}: {one.note or one.changes or 'no params changed'}"
    # of bytes that are no text git's own tools would make a mess
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…"


def message(one: Experiment) -> str:
    """Returns the message of the commit that an experiment becomes."""
    return f"{subject(one)}\n\n{write(one, indent=1)}\n"


def write(one: Experiment, indent: int | None = None) -> str:
    """Returns an experiment as one JSON object."""
    data = {"mltrack": VERSION, **asdict(one), "state": one.state.value}
    del data["commit"]
    # only where something is no text, such as a file's name, all of it is spelled out
    plain = json.dumps(data, indent=indent, ensure_ascii=False)
    if plain.encode("utf-8", "replace").decode() == plain:
        return plain
    return json.dumps(data, indent=indent)


def parse(text: str, where: str) -> Experiment:
    """Returns the experiment in a text: a file, or a commit's message. Raises
    FormatError where there is none, or one of a newer mltrack.
    """
    begin = text.find("{")
    try:
        data = json.loads(text[begin:]) if begin >= 0 else None
    except ValueError:
        data = None
    if not isinstance(data, dict) or "name" not in data:
        raise FormatError(f"{where} holds no experiment")
    if data.get("mltrack") != VERSION:
        raise FormatError(
            f"{where} is of version {data.get('mltrack')!r}, this mltrack reads "
            f"{VERSION}",
            hint="a newer mltrack wrote it: install that",
        )
    known = {one.name for one in fields(Experiment)} - {"commit"}
    try:
        one = _made({key: data[key] for key in known if key in data})
        for path in (*one.given, *one.params, *one.metrics, *filter(None, [one.inner])):
            check_path(path, where)
        return one
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise FormatError(f"{where} holds no experiment: {error}") from None


def _made(data: dict[str, Any]) -> Experiment:
    """An experiment of the values in a JSON object; raises ValueError for those of
    other types.
    """
    for name in (
        "name",
        "base",
        "head",
        "inner",
        "note",
        "reason",
        "stage",
        "source",
        "machine",
    ):
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"{name} is no text")
    for name in ("given", "params", "metrics"):
        if not all(isinstance(one, dict) for one in data.get(name, {}).values()):
            raise ValueError(f"{name} are no values by file")
    stages = {
        str(address): Done(
            str(one["how"]),
            str(one.get("key", "")),
            float(one.get("seconds", 0)),
            str(one.get("runner", "")),
        )
        for address, one in data.get("stages", {}).items()
    }
    times = {name: float(data.get(name, 0)) for name in ("created", "started", "ended")}
    if not all(map(isfinite, times.values())):
        raise ValueError("a time is endless")
    lists = {name: tuple(map(str, data.get(name, ()))) for name in ("targets", "tags")}
    state = State(data.get("state", State.QUEUED.value))
    return Experiment(**{**data, **times, **lists, "state": state, "stages": stages})
