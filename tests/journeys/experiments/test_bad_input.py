"""What cannot be: one clear error, nothing changed, other experiments unharmed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.experiments import (
    ran,
    refused,
    shown,
    states,
    training,
    untouched,
)
from tests.support.workspace import Workspace


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    return training(ws)


@pytest.fixture
def queued(trained: Workspace) -> Workspace:
    """Two experiments that are done and two that wait."""
    trained.mltrack("exp", "run", "-n", "d", "-S", "lr=0.1,0.2")
    trained.mltrack("exp", "run", "-n", "q", "-S", "lr=0.3,0.4", "--queue")
    return trained


def test_before_the_first_commit(bare: Workspace) -> None:
    bare.mltrack("init")
    bare.write("params.yaml", "lr: 1\n")
    bare.write(
        "mltrack.yaml", "stages:\n  s:\n    cmd: echo ${lr} > o\n    outs: [o]\n"
    )
    refused(bare, "run", "-S", "lr=0.1", words="no commit", hint="git commit")
    for verb in (["show"], ["status"], ["start"], ["stop"]):
        bare.mltrack("exp", *verb)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("-S", "nothing=1"), "no param 'nothing'"),
        (("-S", "gone.yaml:lr=1"), "no params file 'gone.yaml'"),
        (("-S", "lr"), "sets nothing"),
        (("-S", "lr=range(0,1000000)"), "1,000,000"),
        (("-S", "lr=range(0,1000)", "-S", "depth=range(0,1000)"), "1,000,000"),
        (("-S", "lr=range(0,0)"), "range"),
        (("-S", "lr=uniform(0,1)"), "drawn from uniform"),
        (("-S", "../params.yaml:lr=1"), "../params.yaml"),
        (("-S", "lr=1", "-n", "d-1"), "'d-1' already"),
        (("-S", "lr=1", "-n", "q-1"), "'q-1' already"),
        (("-S", "lr=1,2", "-n", "q"), "'q-1' already"),
        (("-S", "lr=1", "-n", "a b"), "not a valid name"),
        (("-S", "lr=1", "-n", "a/b"), "not a valid name"),
        (("-S", "lr=1", "-n", "HEAD"), "not a valid name"),
        (("-S", "lr=1", "-n", "x.lock"), "not a valid name"),
        (("-S", "lr=1", "-n", "\udcff"), "not a valid name"),
        (("-S", "lr=1", "--from", "nobody"), "no experiment 'nobody'"),
        (("-S", "lr=1", "--runner", "nobody"), "nobody"),
        (("-S", "lr=1", "nostage"), "nostage"),
        (("--params", "gone.csv"), "gone.csv"),
    ],
)
def test_what_cannot_be_meant(
    given: tuple[str, ...], words: str, queued: Workspace
) -> None:
    # of a name that its files lack: what stands there can be mended
    code = 1 if given[1] == "nothing=1" else 2
    refused(queued, "run", *given, words=words, code=code)
    assert len(ran(queued)) == 2


def test_a_param_that_no_stage_reads(trained: Workspace) -> None:
    trained.write("params.yaml", "lr: 0.5\ndepth: 2\nunused: 1\n")
    refused(
        trained,
        "run",
        "-S",
        "unused=2",
        words="no stage depends on",
        hint="params",
        code=2,
    )


def test_a_sweep_that_is_too_large_takes_no_time(trained: Workspace) -> None:
    axes = [
        word for name in ("lr", "depth") for word in ("-S", f"{name}=range(0,99999)")
    ]
    refused(trained, "run", *axes, words="9,999,800,001", code=2)


def test_in_the_middle_of_a_merge(queued: Workspace) -> None:
    queued.git("checkout", "--quiet", "-b", "side")
    queued.write("in.txt", "theirs\n")
    queued.commit("theirs")
    queued.git("checkout", "--quiet", "main")
    queued.write("in.txt", "ours\n")
    queued.commit("ours")
    queued.git("merge", "side", code=1)
    refused(queued, "run", "-S", "lr=0.9", words="conflicts", hint="git status")
    refused(queued, "save", words="conflicts")
    refused(queued, "apply", "d-1", words="conflicts")
    # those that wait have a base of their own
    with untouched(queued):
        queued.mltrack("exp", "start")
    assert set(states(queued).values()) == {"done"}


def test_a_merge_whose_conflicts_are_settled_is_a_base(trained: Workspace) -> None:
    trained.git("checkout", "--quiet", "-b", "side")
    trained.write("other.txt", "theirs\n")
    trained.commit("theirs")
    trained.git("checkout", "--quiet", "main")
    trained.commit("ours")
    trained.git("merge", "--no-commit", "--no-ff", "side")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    assert "other.txt" in trained.git("ls-tree", "refs/mltrack/exps/one").out


def test_a_pipeline_file_that_cannot_be_read(queued: Workspace) -> None:
    good = queued.read("mltrack.yaml")
    queued.write("mltrack.yaml", good + "  broken: [\n")
    refused(queued, "run", "-S", "lr=0.9", words="mltrack.yaml")
    assert set(shown(queued)) == {"d-1", "d-2", "q-1", "q-2"}
    # what waits started from another
    with untouched(queued):
        queued.mltrack("exp", "start")
    assert set(states(queued).values()) == {"done"}


def test_a_base_whose_pipeline_cannot_be_read_stops_nobody(queued: Workspace) -> None:
    broken = _record(queued, "q-1")
    good = queued.read("mltrack.yaml")
    queued.write("mltrack.yaml", good + "  broken: [\n")
    queued.commit("broken")
    head = queued.git("rev-parse", "HEAD").out.strip()
    queued.write("mltrack.yaml", good)
    _put(queued, "q-1", {**broken, "base": head, "head": head})
    with untouched(queued):
        done = queued.mltrack("exp", "start", code=8)
    assert states(queued)["q-2"] == "done" and states(queued)["q-1"] == "failed"
    assert "mltrack.yaml" in shown(queued)["q-1"]["reason"], done.said


def test_a_lock_that_cannot_be_read(queued: Workspace) -> None:
    queued.write("mltrack.lock", "<<<<<<< HEAD\n")
    with untouched(queued):
        done = queued.mltrack("exp", "run", "-n", "new", "-S", "lr=0.9", code=None)
    assert done.code not in (0, 70) and "mltrack.lock" in done.said


def test_params_that_cannot_be_read(queued: Workspace) -> None:
    queued.write("params.yaml", "lr: [\n")
    refused(queued, "run", "-S", "lr=0.9", words="params.yaml")


def test_a_large_new_file(trained: Workspace) -> None:
    with open(trained.path / "dump.bin", "wb") as file:
        file.truncate(101 << 20)
    refused(
        trained,
        "run",
        "-S",
        "lr=0.1",
        words="'dump.bin'",
        hint="mltrack add dump.bin",
        code=2,
    )


def test_a_repository_that_lies_within(trained: Workspace) -> None:
    inner = Workspace(trained.path / "inner", trained.environment)
    inner.path.mkdir()
    inner.git("init", "--quiet")
    inner.write("file", "x\n")
    said = refused(trained, "run", "-S", "lr=0.1", words="inner")
    assert "hint: " in said
    inner.commit()
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")


# what somebody wrote into the queue, or into a ref


def _file(ws: Workspace, name: str) -> Path:
    return ws.path / ".mltrack/exps/queue" / f"{name}.json"


def _record(ws: Workspace, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_file(ws, name).read_text())
    return found


def _put(ws: Workspace, name: str, record: dict[str, Any]) -> None:
    _file(ws, name).write_text(json.dumps(record))


TAMPERED: dict[str, dict[str, Any]] = {
    "a base that is no commit": {"base": "f" * 40},
    "a base that is no name": {"base": "--all"},
    "an empty base": {"base": ""},
    "a base with a line break": {"base": "HEAD\nmore"},
    "a head that is no commit": {"head": "f" * 40},
    "a target that is none": {"targets": ["nothing"]},
    "a param that is none": {"given": {"params.yaml": {"gone.deep": 1}}},
    "a params file that is none": {"given": {"gone.yaml": {"lr": 1}}},
    "a params file outside": {"given": {"../../outside.yaml": {"lr": 1}}},
    "a params file from the root": {"given": {"/outside.yaml": {"lr": 1}}},
    "a params file of git's": {"given": {".git/config": {"lr": 1}}},
    "a key that is empty": {"given": {"params.yaml": {"": 1}}},
    "a value that is none": {"given": {"params.yaml": {"lr": {"a": [None]}}}},
    "a name that is another": {"name": "other"},
    "a state that is none": {"state": "great"},
    "a time that is none": {"created": "yesterday"},
    "times that are endless": {"created": float("inf"), "started": float("nan")},
    "a newer version": {"mltrack": 2},
    "targets that are a number": {"targets": 3},
    "params that are a list": {"given": []},
    "stages that are a list": {"stages": []},
    "a surrogate": {"note": "\udcff"},
    "a place that is another": {"inner": "../.."},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_record_that_was_tampered_with_harms_no_other(
    what: str, queued: Workspace
) -> None:
    (queued.path.parent / "outside.yaml").write_text("lr: 1\n")
    _put(queued, "q-1", {**_record(queued, "q-1"), **TAMPERED[what]})
    with untouched(queued):
        queued.mltrack("exp", "show")
        queued.mltrack("exp", "status")
        done = queued.mltrack("exp", "start", code=None)
    assert done.code != 70, done.said
    assert (queued.path.parent / "outside.yaml").read_text() == "lr: 1\n"
    found = states(queued)
    assert {name: found[name] for name in ("d-1", "d-2", "q-2")} == {
        "d-1": "done",
        "d-2": "done",
        "q-2": "done",
    }, done.said
    assert "q-1" in queued.mltrack("exp", "show").said
    # all that git has is whole
    queued.git("fsck", "--strict", "--no-dangling")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": 3}', b"{" * 100_000]
)
def test_a_file_that_is_no_record_harms_no_other(
    data: bytes, queued: Workspace
) -> None:
    _file(queued, "q-1").write_bytes(data)
    with untouched(queued):
        shown_ = queued.mltrack("exp", "show")
        done = queued.mltrack("exp", "start", code=None)
    assert "q-1.json" in shown_.err and done.code != 70, done.said
    assert states(queued)["q-2"] == "done"
    # and it can be got rid of
    queued.mltrack("exp", "run", "-n", "x", "-S", "lr=0.9")
    assert _file(queued, "q-1").read_bytes() == data


def test_a_ref_that_is_no_experiment_harms_no_other(queued: Workspace) -> None:
    queued.git("update-ref", "refs/mltrack/exps/stray", "HEAD")
    blob = queued.git("rev-parse", "HEAD:in.txt").out.strip()
    queued.git("update-ref", "refs/mltrack/exps/blob", blob)
    queued.git("update-ref", "refs/mltrack/exps/deep/name", "refs/mltrack/exps/d-1")
    with untouched(queued):
        said = queued.mltrack("exp", "show").said
        queued.mltrack("exp", "start")
    assert "stray" in said
    assert states(queued)["q-2"] == "done"
    refused(
        queued, "apply", "stray", words="stray", hint="git update-ref -d refs/mltrack"
    )
    refused(queued, "run", "-S", "lr=0.9", "-n", "stray", words="stray", code=2)


def test_an_experiment_of_a_commit_whose_record_lies(queued: Workspace) -> None:
    """Fetched from anywhere: its base, paths and names are somebody else's words."""
    one = shown(queued)["d-1"]
    lies: tuple[dict[str, Any], ...] = (
        {"base": "f" * 40},
        {"given": {"../outside.yaml": {"lr": 1}}},
        {"metrics": {"../../etc/passwd": {"a": 1}}},
        {"stages": {"../x": {"how": "ran", "key": "../../../../outside"}}},
    )
    for number, change in enumerate(lies):
        record = {
            "mltrack": 1,
            **{k: v for k, v in one.items() if k not in ("commit", "seconds")},
            **change,
        }
        message = f"lies\n\n{json.dumps(record)}\n"
        commit = queued.git(
            "commit-tree", "refs/mltrack/exps/d-1^{tree}", "-p", "HEAD", "-m", message
        ).out.strip()
        queued.git("update-ref", f"refs/mltrack/exps/lie-{number}", commit)
    with untouched(queued):
        queued.mltrack("exp", "show")
        for number in range(4):
            name = f"lie-{number}"
            for verb in (
                ["diff", "d-2", name],
                ["logs", name],
                ["run", "-S", "lr=0.7", "--from", name],
            ):
                done = queued.mltrack("exp", *verb, code=None)
                assert done.code != 70, done.said
    for name in [f"lie-{number}" for number in range(4)]:
        done = queued.mltrack("exp", "apply", name, "--force", code=None)
        assert done.code != 70, done.said
    assert not os.path.exists(queued.path.parent / "outside.yaml")
