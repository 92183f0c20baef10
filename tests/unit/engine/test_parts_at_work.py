"""The engine's parts over a real project: looking, saving, recording, and the two ways
to run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack import project as projects
from mltrack.engine import attempt as attempts
from mltrack.engine.checkpoints import Checkpoints
from mltrack.engine.commit import Basis, Run
from mltrack.engine.events import BytesSaved, MovedAside, StageOutput, StagePlaced
from mltrack.engine.fault import Failed, FaultCause
from mltrack.engine.inputs import Learner
from mltrack.engine.parts import Engine, Policy, Recorder, Tree
from mltrack.engine.placement import Placement
from mltrack.engine.restoring import IntoWorkspace
from mltrack.engine.running import NOTHING_UPCOMING, Attempt
from mltrack.engine.saving import save
from mltrack.engine.staging import stage_inputs
from mltrack.engine.view import revision_view
from mltrack.engine.ways import Apart, InPlace, way_of
from mltrack.errors import FormatError, WorkspaceError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.plan import Options, Step, Verdict
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.stage import Inputs, Output, ParamFile, Stage
from mltrack.runners.job import Abilities, Job, Poll, Seen, State, Ticket, Works
from mltrack.verbs import planning
from mltrack.verbs.bringing import FromHosts
from mltrack.verbs.places import OneRunner
from mltrack.verbs.repro import committer
from mltrack.verbs.session import Session
from tests.support.local_only import LocalOnly
from tests.support.workspace import Workspace

TRAIN = Stage(
    "train",
    "train",
    "mltrack.yaml",
    ("true",),
    deps=("data", "train.py"),
    params=(ParamFile("params.yaml", ("lr",)),),
    outs=(Output("model"),),
)


class Stub(LocalOnly):
    """Says what it was told to say, one poll after the other."""

    name = "stub"

    def __init__(self, works: Works, *polls: Poll) -> None:
        self.works, self.polls = works, list(polls)

    @property
    def abilities(self) -> Abilities:
        return Abilities(self.works, survives=False)

    def submit(self, job: Job, origin: object = None) -> Ticket:
        return Ticket("stub", job.key, "1", os.devnull)

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        return self.polls.pop(0)


@pytest.fixture
def project(ws: Workspace) -> Workspace:
    ws.write("data/a", "a\n")
    ws.write("train.py", "print()\n")
    ws.write("params.yaml", "lr: 0.1\n")
    ws.mltrack("add", "data")
    return ws


@pytest.fixture
def session(project: Workspace) -> Iterator[Session]:
    with Session(projects.find(str(project.path))) as opened:
        yield opened


@pytest.fixture
def engine(session: Session) -> Engine:
    locks = session.view.lock_state
    assert locks is not None
    learner = planning.learner(session)
    top = session.project.path
    return Engine(
        Tree(session.checkout, learner, session.trash, ("model",)),
        Recorder(
            locks,
            committer(session, locks),
            Checkpoints(top, os.path.join(top, ".mltrack/tmp/checkpoints")),
        ),
        Policy(planning.facts(session), Options(), check="none", trace=""),
        Placement(OneRunner(Stub(Works.IN_PLACE)), "stub"),
        FromHosts(session, learner),
        IntoWorkspace(),
    )


def learner(engine: Engine) -> Learner:
    return engine.tree.learner


# what is known


def test_the_inputs_of_a_stage_are_what_stands_there(
    engine: Engine, project: Workspace
) -> None:
    inputs, _ = learner(engine).inputs(TRAIN, NOTHING_UPCOMING)
    assert inputs.params == {"params.yaml": {"lr": 0.1}}
    data, code = inputs.deps["data"], inputs.deps["train.py"]
    assert data is not None and data.files == 1
    assert code is not None and code.hex == XXH3.hex_of(b"print()\n")
    project.write("train.py", "print(1)\n")
    # looked at once
    assert learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0].deps["train.py"] == code
    learner(engine).forget(TRAIN)
    assert learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0].deps["train.py"] != code


def test_what_is_not_there_is_no_input_and_what_is_known_to_belong_there_is(
    engine: Engine, project: Workspace
) -> None:
    (project.path / "train.py").unlink()
    assert learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0].deps["train.py"] is None
    learner(engine).forget(TRAIN)
    belongs = Content(FILE, "ab" * 16, 3)
    learner(engine).absent["train.py"] = belongs
    assert (
        learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0].deps["train.py"] == belongs
    )


def test_a_params_file_that_cannot_be_read_hinders_its_stage(
    engine: Engine, project: Workspace
) -> None:
    project.write("params.yaml", "lr: [\n")
    assert isinstance(
        learner(engine).learn(TRAIN, NOTHING_UPCOMING, ()).problem, FormatError
    )


def test_a_view_reads_a_revision_as_it_reads_the_workspace(
    session: Session, project: Workspace
) -> None:
    project.commit("first")
    assert (
        revision_view("HEAD", str(project.path), XXH3).targets().keys()
        == session.view.targets().keys()
        == {"data"}
    )


# inputs for another place


def test_inputs_are_objects_whose_bytes_are_read_where_they_lie(
    engine: Engine, project: Workspace
) -> None:
    project.write("code/x.py", "x\n")
    checkout = engine.tree.checkout
    staged = stage_inputs(
        checkout.observer,
        checkout.cache,
        {"code": None, "data": None},
        lambda path: None,
    )
    assert staged.inputs.keys() == {"code", "data"}
    found = staged.find(XXH3.hex_of(b"x\n"))
    assert found == str(project.path / "code/x.py")
    assert staged.find("ab" * 16) is None
    assert staged.trees_below(staged.inputs["code"].hex) == [staged.inputs["code"].hex]


def test_all_trees_of_an_input_that_is_only_in_the_cache_go_along_at_once(
    engine: Engine, project: Workspace
) -> None:
    for name in ("top", "one/two/three/x", "one/y"):
        project.write(f"deep/{name}", name)
    project.mltrack("add", "deep")
    checkout = engine.tree.checkout
    checkout.cache.reload()
    snapshot = checkout.observer.tracked("deep")
    assert snapshot is not None
    shutil.rmtree(project.path / "deep")
    checkout.observer.forget(["deep"])
    staged = stage_inputs(
        checkout.observer,
        checkout.cache,
        {"deep": None},
        lambda path: snapshot.content,
    )
    found = staged.trees_below(staged.inputs["deep"].hex)
    assert set(found) == {block.tree_hex for block in snapshot.blocks.values()}
    assert len(found) == 4
    assert staged.trees_below(XXH3.hex_of(b"top")) == []


def test_an_input_that_changed_since_it_was_hashed_is_refused(engine: Engine) -> None:
    checkout = engine.tree.checkout
    with pytest.raises(WorkspaceError, match="changed just now"):
        stage_inputs(
            checkout.observer,
            checkout.cache,
            {"train.py": Content(FILE, "ab" * 16, 3)},
            lambda path: None,
        )


def test_a_link_that_leads_out_of_the_project_cannot_be_sent(
    engine: Engine, project: Workspace
) -> None:
    (project.path / "code").mkdir()
    (project.path / "code/out").symlink_to("/etc/hostname")
    checkout = engine.tree.checkout
    with pytest.raises(WorkspaceError, match="leads outside the project"):
        stage_inputs(
            checkout.observer, checkout.cache, {"code": None}, lambda path: None
        )


# saving what is replaced


def test_what_stands_at_an_output_is_saved_before_it_is_replaced(
    engine: Engine, project: Workspace
) -> None:
    project.write("model", "by hand\n")
    [saved] = save(engine.tree, Output("model"))
    assert isinstance(saved, BytesSaved)
    assert (
        engine.tree.checkout.cache.read(saved.digest.partition(":")[2]) == b"by hand\n"
    )
    assert [*save(engine.tree, Output("nosuch"))] == []


def test_what_cannot_be_an_object_is_moved_aside(
    engine: Engine, project: Workspace
) -> None:
    os.mkfifo(project.path / "model")
    [moved] = save(engine.tree, Output("model"))
    assert isinstance(moved, MovedAside) and not (project.path / "model").exists()


# recording


def test_a_result_is_noted_at_once_and_durable_when_it_is_settled(
    engine: Engine, project: Workspace
) -> None:
    project.write("model", "trained\n")
    recorder = engine.recorder.committer
    inputs, _ = learner(engine).inputs(TRAIN, NOTHING_UPCOMING)
    recorder.commit(TRAIN, Basis(inputs, "/bin/sh", "cd" * 16), Run())
    digest = XXH3.hex_of(b"trained\n")
    assert engine.recorder.locks.entry(TRAIN) is not None and not recorder.is_settled
    recorder.settle()
    assert recorder.is_settled and engine.tree.checkout.cache.has(digest)
    assert "/model" in project.read(".gitignore").splitlines()
    engine.recorder.locks.fold([TRAIN])
    assert digest in project.read("mltrack.lock")


def test_what_a_killed_process_noted_is_saved_by_the_next(
    engine: Engine, project: Workspace
) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from mltrack import project as projects
from mltrack.engine.commit import Basis, Run
from mltrack.verbs.repro import committer
from mltrack.verbs.session import Session
from mltrack.pipeline.stage import Inputs, Output, Stage
session = Session(projects.find("."))
recorder = committer(session, session.view.lock_state)
stage = Stage("train", "train", "mltrack.yaml", ("true",), outs=(Output("model"),))
recorder.commit(stage, Basis(Inputs({{}}, {{}}, {{}}), "/bin/sh", "cd" * 16), Run())
os._exit(9)
"""
    project.write("model", "trained\n")
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=project.path, check=False
        ).returncode
        == 9
    )
    with Session(projects.find(str(project.path))) as session:
        locks = session.view.lock_state
        assert locks is not None and [one.stage for one in locks.left_behind()] == [
            "train"
        ]
        assert not session.project.cache.has(XXH3.hex_of(b"trained\n"))
        recorder = committer(session, locks)
        recorder.recover()
        recorder.settle()
        assert session.project.cache.has(XXH3.hex_of(b"trained\n"))


# the two ways


def attempt(engine: Engine, runner: Stub) -> Attempt:
    step = Step(TRAIN, Verdict.RUN, (), "cd" * 16)
    ticket = Ticket("stub", "k", "1", os.devnull)
    return Attempt(
        step, 1, Inputs({}, {}, {}), runner, way_of(engine, runner), ticket, 1.0, 1.0
    )


def test_the_way_is_chosen_by_where_the_runner_works(engine: Engine) -> None:
    assert isinstance(way_of(engine, Stub(Works.IN_PLACE)), InPlace)
    assert isinstance(way_of(engine, Stub(Works.APART)), Apart)


def test_in_place_an_input_that_changed_under_the_command_is_named(
    engine: Engine, project: Workspace
) -> None:
    running = attempt(engine, Stub(Works.IN_PLACE))
    running.before = learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0]
    running.moments = running.way.moments(running.before)
    assert running.way.changed(running) == ()
    project.write("train.py", "print(2)\n")
    assert [reason.subject for reason in running.way.changed(running)] == ["train.py"]
    assert running.way.interval(running) is not None


def test_in_place_an_input_that_changed_and_changed_back_is_named(
    engine: Engine, project: Workspace
) -> None:
    running = attempt(engine, Stub(Works.IN_PLACE))
    running.before = learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0]
    running.moments = running.way.moments(running.before)
    project.write("train.py", "print(2)\n")
    project.write("train.py", "print()\n")
    assert [
        (reason.cause, reason.subject) for reason in running.way.changed(running)
    ] == [(Cause.DEPENDENCY_CHANGED, "train.py")]


def test_a_command_that_leaves_out_an_output_is_rejected_by_its_runner(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = attempt(engine, Stub(Works.IN_PLACE))
    rejected: list[Ticket] = []
    monkeypatch.setattr(running.runner, "reject", rejected.append)
    with pytest.raises(Failed) as caught:
        list(attempts.complete(engine, running, Poll(State.DONE, 0)))
    fault = caught.value.fault
    assert (fault.cause, fault.paths) == (FaultCause.OUTPUT_MISSING, ("model",))
    assert rejected == [running.ticket]


def test_apart_nothing_changes_under_the_command(
    engine: Engine, project: Workspace
) -> None:
    running = attempt(engine, Stub(Works.APART))
    running.before = learner(engine).inputs(TRAIN, NOTHING_UPCOMING)[0]
    assert running.way.moments(running.before) == {}
    project.write("train.py", "print(2)\n")
    assert running.way.changed(running) == () and running.way.interval(running) is None


def test_apart_room_is_made_when_there_is_a_result(
    engine: Engine, project: Workspace
) -> None:
    project.write("model", "by hand\n")
    events = [*Apart(engine).make_room(TRAIN)]
    assert [type(event) for event in events] == [BytesSaved] and not (
        project.path / "model"
    ).exists()
    project.write("model", "by hand\n")
    assert [*InPlace(engine).make_room(TRAIN)] == [] and project.exists("model")


# following a job


def drained(running: Attempt, first: Poll) -> tuple[list[object], Poll | None]:
    events: list[object] = []
    walk = attempts.follow(running, first)
    while True:
        try:
            events.append(next(walk))
        except StopIteration as stop:
            return events, stop.value


def test_the_log_is_told_to_its_end_before_the_job_counts_as_over(
    engine: Engine,
) -> None:
    over = Poll(State.DONE, 0)
    running = attempt(
        engine, Stub(Works.IN_PLACE, Poll(State.DONE, 0, log=b"two\n"), over)
    )
    events, result = drained(running, Poll(State.RUNNING, log=b"one\n"))
    assert [event.data for event in events if isinstance(event, StageOutput)] == [
        b"one\n",
        b"two\n",
    ]
    assert result == over and running.seen == Seen(log=8)
    assert running.last_lines() == ("one", "two")


def test_where_a_job_is_is_told_once(engine: Engine) -> None:
    running = attempt(engine, Stub(Works.APART))
    waiting = Poll(State.QUEUED, place="gpu1", gpus=("0",))
    assert [type(event) for event in drained(running, waiting)[0]] == [StagePlaced]
    assert drained(running, waiting) == ([], None)


def test_a_stage_whose_dependency_is_nowhere_is_not_started(engine: Engine) -> None:
    step = Step(
        TRAIN, Verdict.RUN, (Reason(Cause.DEPENDENCY_MISSING, "train.py"),), "cd" * 16
    )
    with pytest.raises(Failed) as caught:
        next(attempts.begin(engine, step, 1, None, {}))
    fault = caught.value.fault
    assert (fault.cause, fault.paths) == (FaultCause.DEPENDENCY_MISSING, ("train.py",))
