"""What happens in experiments, as lines on a terminal or as JSON."""

import json
import sys
from dataclasses import asdict
from typing import Any

from mltrack.cli.fault_words import fault_words
from mltrack.cli.invocation import tell
from mltrack.cli.render import SCHEMA_VERSION, finite, listed, value_text
from mltrack.cli.run_lines import placed_words
from mltrack.engine.events import (
    StageDetached,
    StageFailed,
    StageFinished,
    StageOutput,
    StagePlaced,
    StageRestored,
    StageRetried,
    StageStarted,
    UndeclaredReads,
)
from mltrack.experiments.fleet import Began, Ended, Happening, OfExperiment
from mltrack.experiments.record import Experiment, State
from mltrack.runners.names import LOCAL

# metrics on the line of an experiment that is done: more would not fit one line
_SHOWN = 4


class ExpLines:
    """Shows experiments as they run: one line for each that begins or ends, and one for
    each stage that fails. ``is_long`` shows each stage, and what commands print.
    """

    def __init__(self, total: int, *, is_long: bool) -> None:
        self._total, self._over = total, 0
        self._is_long = is_long
        self._warned: set[tuple[str, tuple[str, ...]]] = set()

    def show(self, happening: Happening) -> None:
        match happening:
            case Ended(one):
                self._over += 1
                self._ended(one)
            case Began(one) if self._is_long:
                tell(f"{one.name}: begins ({one.changes or 'no params changed'})")
            case OfExperiment(name, event):
                self._of(name, event)
            case _:
                pass

    def _ended(self, one: Experiment) -> None:
        count = f"[{self._over}/{self._total}]"
        if one.state is State.DONE:
            shown = metrics_text(one) or one.changes or "done"
            changes = (
                f" ({one.changes})" if one.changes and shown != one.changes else ""
            )
            tell(f"{count} {one.name}{changes}: {shown}, {one.seconds:.1f} s")
        elif one.state is State.FAILED:
            where = f"{one.stage}: " if one.stage else ""
            tell(f"{count} {one.name}: failed: {where}{one.reason}", level=-1)
        else:
            tell(f"{count} {one.name}: {one.state.value}")

    def _of(self, name: str, event: object) -> None:
        match event:
            case StageFailed(stage, fault, last_lines):
                tell(f"{name}: {stage}: {fault_words(fault)}", level=-1)
                for line in last_lines:
                    tell(f"  | {line}", level=-1)
            case UndeclaredReads(stage, paths):
                self._undeclared(stage, paths)
            case StageDetached(stage, runner, _):
                tell(f"{name}: {stage}: handed over to {runner}")
            case StageRetried(stage, fault):
                tell(f"{name}: {stage}: {fault_words(fault)}; trying again", level=-1)
            case StagePlaced(stage, runner, place, gpus, state, problem) if problem or (
                self._is_long and runner != LOCAL
            ):
                words = placed_words(runner, place, gpus, state, problem)
                tell(f"{name}: {stage}: {words}", level=-1 if problem else 0)
            case _ if self._is_long:
                self._long(name, event)
            case _:
                pass

    def _undeclared(self, stage: str, paths: tuple[str, ...]) -> None:
        """Warns of files that are no part of a run key, once for all experiments."""
        if (stage, paths) not in self._warned:
            self._warned.add((stage, paths))
            tell(
                f"warning: {stage} read {listed(paths, most=5)}, which it does not "
                "declare as `deps`: a change of that runs nothing again",
                level=-1,
            )

    def _long(self, name: str, event: object) -> None:
        match event:
            case StageStarted(stage):
                tell(f"{name}: {stage}: running")
            case StageRestored(stage):
                tell(f"{name}: {stage}: restored from the run cache")
            case StageFinished(stage, seconds):
                tell(f"{name}: {stage}: done in {seconds:.1f} s")
            case StageOutput(_, data):
                for line in data.decode("utf-8", "replace").splitlines():
                    tell(f"{name} | {line}")
            case _:
                pass


def metrics_text(one: Experiment) -> str:
    """Returns the first metrics of an experiment in few words."""
    pairs = [
        f"{name}={value_text(value, 6)}"
        for values in one.metrics.values()
        for name, value in values.items()
    ]
    more = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return ", ".join(pairs[:_SHOWN]) + more


def experiment_json(one: Experiment) -> dict[str, Any]:
    """Returns an experiment as JSON holds it."""
    return {**asdict(one), "state": one.state.value, "seconds": one.seconds}


def emit_happening(happening: Happening) -> None:
    """Prints an experiment that began or ended as one line of JSON."""
    if isinstance(happening, Began | Ended):
        document = finite(
            {
                "schema_version": SCHEMA_VERSION,
                "event": f"Experiment{type(happening).__name__}",
                "experiment": experiment_json(happening.experiment),
            }
        )
        sys.stdout.write(json.dumps(document) + "\n")
