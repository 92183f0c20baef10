"""What should happen, and why: a pure function from what is declared, recorded and
observed to a plan.

The same ``decide`` serves the whole plan before anything runs, and each waiting stage
when its inputs are known. It gives all reasons, not the first. It never looks at the
disk: what it needs is handed in.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from mltrack.errors import MltrackError
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.differences import input_reasons, output_reasons
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.run_key import key_parts, run_key
from mltrack.pipeline.stage import Entry, Inputs, Output, Stage


class Verdict(Enum):
    """What becomes of a stage."""

    SKIP = "skip"
    RESTORE = "restore"
    RUN = "run"
    WAIT = "wait"


class Record(NamedTuple):
    """A past result as the plan sees it: outputs by path, and the name under which the
    run cache keeps it.
    """

    outs: dict[str, Content]
    name: str = ""


class Known(NamedTuple):
    """What is known about one stage at the moment of deciding.

    ``inputs`` lacks the paths in ``pending``, which upstream stages have yet to write.
    ``outs`` is what stands in the workspace now.
    """

    entry: Entry | None
    inputs: Inputs
    outs: dict[str, Content | None]
    pending: tuple[tuple[str, str], ...] = ()
    """``(path, address of the stage that will write it)``"""
    through: tuple[tuple[str, str], ...] = ()
    """Links in dependency directories: ``(dependency, path that one of its links leads
    to)``.
    """
    problem: MltrackError | None = None
    """What keeps the inputs from being known: a params file that is missing, for one.
    Then ``inputs`` says nothing.
    """


class Facts(NamedTuple):
    """How to ask about past results, each question answered without side effects.

    ``find_records`` returns the usable records of a run key, newest first: those whose
    cached outputs can all be had. ``is_cached`` says whether a content can be restored,
    ``is_left`` whether it stayed where it was made on purpose.
    """

    find_records: Callable[[str], list[Record]]
    is_cached: Callable[[Content], bool]
    algorithm: Algorithm
    shell: str
    is_left: Callable[[Content], bool] = lambda content: False


class Step(NamedTuple):
    """A decided stage. ``key`` is empty while inputs are pending, and where nothing
    changed; ``record`` is what a RESTORE brings back.
    """

    stage: Stage
    verdict: Verdict
    reasons: tuple[Reason, ...]
    key: str = ""
    record: Record | None = None
    from_run_cache: bool = False
    problem: MltrackError | None = None
    """Why it cannot run as things stand."""


class Options(NamedTuple):
    """How a person asked for it. ``force`` runs though nothing changed;
    ``use_run_cache`` allows earlier results; ``absent_is_fine`` leaves away what is
    known but not here, until a stage that runs needs it.
    """

    force: bool = False
    use_run_cache: bool = True
    absent_is_fine: bool = False


Upcoming = PathMap[Content | None]
"""What will stand at outputs once the plan's earlier steps were taken."""


class Plan(NamedTuple):
    """Steps in an order in which they can be taken."""

    steps: tuple[Step, ...] = ()


def make(
    graph: Graph,
    chosen: Iterable[str],
    learn: Callable[[Stage, Upcoming, tuple[tuple[str, str], ...]], Known],
    facts: Facts,
    options: Options,
) -> Plan:
    """Returns the plan for the ``chosen`` stages.

    ``learn(stage, upcoming, pending)`` returns what is known about a stage, taking
    ``upcoming`` outputs (of stages that will be restored) for what stands at their
    paths. The order is the graph's.
    """
    wanted = set(chosen)
    steps: list[Step] = []
    unsettled: PathMap[str] = PathMap()
    upcoming: Upcoming = PathMap()
    for address, stage in graph.stages.items():
        if address not in wanted:
            continue
        # through links: the writer is found by where the bytes really are
        pending = tuple(
            (path, writer)
            for path in stage.reads
            for writer in sorted(
                {
                    unsettled[out]
                    for out in unsettled.overlapping(graph.aliases.get(path, path))
                }
            )
        )
        # in the order of the graph: what an earlier step brings back is known by now
        known = learn(stage, upcoming, pending)
        # only the look finds these: links in directories to what is yet to be made
        linked = {
            (dep, unsettled[out])
            for dep, path in known.through
            for out in unsettled.overlapping(path)
        }
        if linked:
            known = known._replace(
                pending=tuple(dict.fromkeys((*known.pending, *sorted(linked))))
            )
        step = decide(stage, known, facts, options)
        steps.append(step)
        if step.verdict in (Verdict.RUN, Verdict.WAIT):
            for out in stage.outs:
                unsettled[out.path] = address
        elif step.record is not None:
            # what follows is decided as if it stood there
            for path, content in step.record.outs.items():
                upcoming[path] = content
    return Plan(tuple(steps))


def decide(stage: Stage, known: Known, facts: Facts, options: Options) -> Step:
    """Returns the verdict on one stage with all of its reasons."""
    deciding = _Deciding(stage, known, facts, options)
    # first: not even what cannot be read makes it run
    return deciding.frozen() if stage.frozen else deciding.step()


class _Deciding:
    """One stage to be decided, with all that the verdict rests on."""

    def __init__(
        self, stage: Stage, known: Known, facts: Facts, options: Options
    ) -> None:
        self.stage, self.known = stage, known
        self.facts, self.options = facts, options

    def step(self) -> Step:
        stage, known = self.stage, self.known
        if known.problem is not None:
            # what is yet to run may write what lacks
            verdict = Verdict.WAIT if known.pending else Verdict.RUN
            return Step(
                stage,
                verdict,
                (Reason(Cause.INPUT_UNREADABLE, known.problem.message),),
                problem=known.problem,
            )
        reasons = self._all_reasons()
        if known.pending:
            return Step(stage, Verdict.WAIT, tuple(reasons))
        # there is no key without it; whoever is to run this names what is missing
        if any(reason.cause is Cause.DEPENDENCY_MISSING for reason in reasons):
            return Step(stage, Verdict.RUN, tuple(reasons))
        # with other inputs other outputs are due: how these look is no matter then
        changed_outs = (
            output_reasons(stage, known.entry, known.outs)
            if not reasons and known.entry is not None
            else []
        )
        if not reasons and not changed_outs:
            return Step(stage, Verdict.SKIP, ())
        parts = key_parts(stage, known.inputs, self.facts.shell)
        key = run_key(parts, self.facts.algorithm) if parts is not None else ""
        if not reasons and known.entry is not None:
            # The inputs are those of the last run: its own outputs are what belongs
            # there.
            settled = self._by_outputs(known.entry, changed_outs, key)
            if settled is not None:
                return settled
            reasons = changed_outs + self._not_cached(known.entry, changed_outs)
        return self._by_run_cache(reasons, key)

    def frozen(self) -> Step:
        """A frozen stage never runs, whatever changed; what it last wrote is still put
        back where it is missing.
        """
        stage, known = self.stage, self.known
        reasons = [Reason(Cause.FROZEN)]
        if known.problem is not None:
            reasons.append(Reason(Cause.INPUT_UNREADABLE, known.problem.message))
        else:
            reasons += self._input_reasons()
        entry = known.entry
        # declared otherwise since: nobody can say what belongs there
        if entry is not None and entry.outs.keys() == {out.path for out in stage.outs}:
            lacking = [
                reason
                for reason in output_reasons(stage, entry, known.outs)
                # what was changed stays: freezing keeps what the person put there
                if reason.cause is Cause.OUTPUT_MISSING
            ]
            changed = _changed_outputs(stage, lacking)
            restored = {out.path: entry.outs[out.path] for out in changed}
            if changed and all(map(self.facts.is_cached, restored.values())):
                verdict = (
                    Verdict.SKIP if self.options.absent_is_fine else Verdict.RESTORE
                )
                return Step(
                    stage, verdict, (*reasons, *lacking), record=Record(restored)
                )
        return Step(stage, Verdict.SKIP, tuple(reasons))

    def _all_reasons(self) -> list[Reason]:
        """Everything that speaks against skipping, but for what became of the outputs."""
        reasons = self._input_reasons()
        reasons += [
            Reason(Cause.UPSTREAM, path, new=writer)
            for path, writer in self.known.pending
        ]
        if self.options.force:
            reasons.append(Reason(Cause.FORCED))
        if self._runs_always:
            reasons.append(Reason(Cause.ALWAYS_CHANGED))
        return reasons

    def _input_reasons(self) -> list[Reason]:
        known = self.known
        pending = frozenset(path for path, _ in known.pending)
        shell = self.facts.shell
        return input_reasons(self.stage, known.entry, known.inputs, shell, pending)

    @property
    def _runs_always(self) -> bool:
        return self.stage.always_changed or self.stage.is_callback

    @property
    def _goes_on(self) -> bool:
        """Whether what the stage writes depends on what it wrote before, which no run
        key knows.
        """
        return any(out.persist for out in self.stage.outs)

    def _by_outputs(self, entry: Entry, changed: list[Reason], key: str) -> Step | None:
        """The verdict where only outputs differ from what is recorded: left away, or
        put back. None if the command must run.
        """
        stage, facts, options = self.stage, self.facts, self.options
        recorded = [entry.outs[reason.subject] for reason in changed]
        is_absent = all(reason.cause is Cause.OUTPUT_MISSING for reason in changed)
        can_be_had = all(map(facts.is_cached, recorded))
        is_left = all(map(facts.is_left, recorded))
        # nobody reads it yet: bringing 100 GB can wait for a stage that does
        if (options.absent_is_fine or is_left) and is_absent and can_be_had:
            return Step(stage, Verdict.SKIP, tuple(changed), key, Record(entry.outs))
        lacks = self._not_cached(entry, changed)
        # What somebody changed of an output that goes on is where the next run is to go
        # on from.
        may_be_put_back = is_absent or not self._goes_on
        if options.use_run_cache and not lacks and may_be_put_back:
            return Step(stage, Verdict.RESTORE, tuple(changed), key, Record(entry.outs))
        return None

    def _not_cached(self, entry: Entry, changed: list[Reason]) -> list[Reason]:
        return [
            Reason(Cause.OUTPUT_NOT_CACHED, out.path)
            for out in _changed_outputs(self.stage, changed)
            if not self.facts.is_cached(entry.outs[out.path])
        ]

    def _by_run_cache(self, reasons: list[Reason], key: str) -> Step:
        """Restores what an earlier run made of the same inputs, or else runs."""
        stage, options = self.stage, self.options
        must_run = options.force or self._runs_always
        # A stage without outputs was run for what it does elsewhere: nothing here could
        # stand for that.
        has_result = bool(key) and bool(stage.outs) and not self._goes_on
        if must_run or not options.use_run_cache or not has_result:
            return Step(stage, Verdict.RUN, tuple(reasons), key)
        record, lacking_path = self._usable_record(key)
        if record is not None:
            return Step(
                stage, Verdict.RESTORE, tuple(reasons), key, record, from_run_cache=True
            )
        is_told = any(reason.cause is Cause.OUTPUT_NOT_CACHED for reason in reasons)
        if lacking_path and not is_told:
            reasons = [*reasons, Reason(Cause.OUTPUT_NOT_CACHED, lacking_path)]
        return Step(stage, Verdict.RUN, tuple(reasons), key)

    def _usable_record(self, key: str) -> tuple[Record | None, str]:
        """A record of the key that names exactly the declared outputs, all of which can
        be had; else an output of one of which the bytes are nowhere. A stage without
        outputs has nothing that could be put back: what it did, it must do again.
        """
        stage, is_cached = self.stage, self.facts.is_cached
        declared = {out.path for out in stage.outs}
        uncached = {out.path for out in stage.outs if not out.cache}
        lacking = ""
        for record in self.facts.find_records(key):
            # it may be a stranger's: paths that nobody declares are never written
            if set(record.outs) != declared:
                continue
            gone = [
                path
                for path, content in record.outs.items()
                if not is_cached(content)
                # git keeps it, and it stands there already
                and not (
                    path in uncached and content.same_bytes(self.known.outs.get(path))
                )
            ]
            if not gone:
                return record, ""
            lacking = lacking or gone[0]
        return None, lacking


def _changed_outputs(stage: Stage, reasons: list[Reason]) -> list[Output]:
    changed = {reason.subject for reason in reasons}
    return [out for out in stage.outs if out.path in changed]
