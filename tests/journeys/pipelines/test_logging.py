"""What a program logs, from the command to metrics, plots, and the end of a run that is
of no use.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

TRAIN = """
import sys, time
from mltrack import log

for step in range(int(sys.argv[1])):
    log(step=step * 10, loss=1 / (step + 1), acc=step)
"""
STAGE = """stages:
  train:
    cmd: {python} train.py 30
    deps: [train.py]
    metrics: [live/metrics.json]
    plots: [live/plots]
{more}"""


@pytest.fixture
def other_python(tmp_path: Path) -> str:
    """A Python that has no mltrack, and of its path only what a runner adds."""
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip("there is no Python beside the one of these tests")
    program = tmp_path / "lone-python"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="${{PYTHONPATH##*:}}" exec {found} "$@"\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def train(ws: Workspace) -> Workspace:
    ws.write("train.py", TRAIN)
    return ws


def stage(ws: Workspace, more: str = "", python: str = sys.executable) -> None:
    ws.write("mltrack.yaml", STAGE.format(python=python, more=more))


def test_what_is_logged_is_metrics_and_plots(train: Workspace) -> None:
    stage(train)
    said = train.mltrack("repro")
    assert "warning" not in said.err
    shown = train.mltrack("metrics", "show", "--json").json
    assert json.dumps(shown).count("0.0333") == 1
    plots = {
        plot["name"]: plot
        for plot in train.mltrack("plots", "show", "--json").json["plots"]
    }
    assert plots.keys() == {"live/plots/loss.csv", "live/plots/acc.csv"}
    drawn = plots["live/plots/loss.csv"]["spec"]["data"]["values"]
    # by the steps that were logged, though no setting says so
    assert [row["step"] for row in drawn[:3]] == [0, 10, 20]
    # the same program gives the same bytes
    train.mltrack("repro", "--force")
    assert train.mltrack("repro").out == "1 stage: 1 unchanged\n"


def test_a_directory_in_an_output_is_drawn_at_a_revision_too(train: Workspace) -> None:
    train.write(
        "mltrack.yaml",
        f"stages:\n  train:\n    cmd: {sys.executable} train.py 3\n    deps: [train.py]\n"
        "    outs: [live]\nmetrics: [live/metrics.json]\nplots: [live/plots]\n",
    )
    train.mltrack("repro")
    train.commit("logged", tag="v1")
    (train.path / "live/plots/loss.csv").write_text("step,loss\n0,9\n")
    for arguments in (["show", "--rev", "v1"], ["diff", "v1"]):
        shown = train.mltrack("plots", *arguments, "--json").json["plots"]
        names = [plot["name"] for plot in shown]
        assert names == ["live/plots/acc.csv", "live/plots/loss.csv"]
    assert [row["loss"] for row in shown[1]["spec"]["data"]["values"]] == [
        1,
        0.5,
        1 / 3,
        9,
    ]
    assert "loss" in train.mltrack("metrics", "show", "--rev", "v1").out


def test_a_python_without_mltrack_logs_too(train: Workspace, other_python: str) -> None:
    stage(train, python=other_python)
    train.mltrack("repro")
    assert train.read("live/plots/loss.csv").startswith("step,loss\n0,1.0\n10,0.5\n")


def test_a_host_without_mltrack_logs_too(
    train: Workspace, tmp_path: Path, other_python: str
) -> None:
    train.mltrack("config", "--local", "runner.local.directory", str(tmp_path / "here"))
    train.write(
        "train.py",
        "import mltrack, sys\nprint(mltrack.__file__)\n" + TRAIN,
    )
    stage(train, python=other_python)
    train.mltrack("repro", "--detach")
    said = train.mltrack("job", "attach", "train")
    assert ".pyz/mltrack/__init__.py" in said.out
    train.mltrack("repro")
    assert train.read("live/plots/loss.csv").count("\n") == 31


def test_the_mltrack_of_the_commands_own_python_is_not_hidden(
    train: Workspace, tmp_path: Path, other_python: str
) -> None:
    installed = tmp_path / "installed/mltrack"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("log = print\nhere = 'installed'\n")
    train.write(
        "train.py",
        "import site, sys\n"
        # behind PYTHONPATH, as installed packages are
        f"sys.path.append({str(installed.parent)!r})\n"
        "import mltrack; assert mltrack.here == 'installed'\n"
        "from mltrack import log; assert log is print\n"
        "import mltrack as again; assert again is mltrack\n"
        "import os; os.makedirs('live/plots'); open('live/metrics.json', 'w').write('{}')\n",
    )
    stage(train, python=f"{other_python} -S")
    train.mltrack("repro")


def test_a_matrix_logs_into_directories_of_its_own(train: Workspace) -> None:
    train.write(
        "mltrack.yaml",
        "stages:\n  train:\n    matrix: {n: [3, 4]}\n"
        f"    cmd: {sys.executable} train.py ${{item.n}}\n    deps: [train.py]\n"
        "    live: runs/${key}\n"
        "    metrics: ['runs/${key}/metrics.json']\n    plots: ['runs/${key}/plots']\n",
    )
    assert "warning" not in train.mltrack("repro", "-j", "2").err
    assert train.read("runs/3/plots/acc.csv") == "step,acc\n0,0\n10,1\n20,2\n"
    assert train.read("runs/4/plots/acc.csv").endswith("30,3\n")


@pytest.mark.parametrize("runner", ["", "sandbox: true", "host"])
def test_a_stop_rule_ends_the_command_and_says_why(
    train: Workspace, tmp_path: Path, runner: str
) -> None:
    if runner == "host":
        train.mltrack(
            "config", "--local", "runner.local.directory", str(tmp_path / "here")
        )
    train.write(
        "train.py",
        "import os, time\nfrom mltrack import log\n"
        "os.makedirs('ck', exist_ok=True)\n"
        "print('from', os.listdir('ck'), flush=True); open('ck/state', 'w').close()\n"
        "for step in range(600):\n"
        "    log(step=step, loss=1.0 if step < 5 else float('nan'), acc=0.5)\n"
        "    time.sleep(0.1)\n",
    )
    stage(
        train,
        "    checkpoint: ck\n    stop:\n"
        "      - {when: no progress in acc for 2 steps, then: warn}\n"
        "      - when: loss is nan\n" + (f"    {runner}\n" if ":" in runner else ""),
    )
    if runner == "host":
        train.mltrack("repro", "--detach")
        train.mltrack("job", "attach", "train", code=None)
    said = train.mltrack("repro", code=8)
    assert "was stopped" in said.err and "loss is nan at step 5" in said.err
    assert "mltrack: warning: no progress in acc for 2 steps" in said.said
    # what was logged until then is there
    assert "4,1.0\n5,nan\n" in train.read("live/plots/loss.csv")
    # the checkpoint is there for the next attempt
    train.write(
        "mltrack.yaml", train.read("mltrack.yaml").replace("is nan", "is infinite")
    )
    train.write("train.py", train.read("train.py").replace("range(600)", "range(1)"))
    assert "from []" in train.mltrack("repro").said  # other code, other checkpoint


def test_a_rule_for_silence_ends_a_command_that_logs_nothing(train: Workspace) -> None:
    train.write("train.py", "import time\ntime.sleep(600)\n")
    stage(train, "    stop: [no log for 500ms]\n")
    said = train.mltrack("repro", code=8)
    assert "nothing was logged for" in said.err
    events = [
        json.loads(line)
        for line in train.mltrack("repro", "--json", code=8).out.splitlines()
    ]
    (failed,) = [one for one in events if one["event"] == "StageFailed"]
    assert failed["fault"]["cause"] == failed["fault"]["failure"] == "stopped"


def test_rules_and_places_are_no_part_of_the_result(train: Workspace) -> None:
    stage(train)
    train.mltrack("repro")
    stage(train, "    monitor: true\n    live: live\n    stop: [loss is nan]\n")
    assert train.mltrack("repro").out == "1 stage: 1 unchanged\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stop: [loss goes up]", "must be 'NAME is nan'"),
        ("stop: [no log for ever]", "is not a duration"),
        ("stop: [{when: loss is nan, then: cry}]", "must be stop or warn"),
        ("stop: [{when: loss is nan, direction: up}]", "must be min or max"),
        ("stop: [{if: loss is nan}]", "stop.0.if: unknown key"),
        ("stop: loss is nan", "must be a list"),
        ("monitor: 1", "must be true or false"),
        ("live: ../elsewhere", "outside the project"),
    ],
)
def test_a_rule_that_makes_no_sense_is_told_with_its_line(
    train: Workspace, text: str, words: str
) -> None:
    stage(train, f"    {text}\n")
    said = train.mltrack("repro", code=1)
    assert words in said.err and "mltrack.yaml:7" in said.err


def test_what_is_better_is_as_the_metrics_say(train: Workspace) -> None:
    train.write(
        "train.py",
        "import time\nfrom mltrack import log\n"
        "for step in range(20): log(step=step, acc=step); time.sleep(0.1)\n",
    )
    text = (
        f"stages:\n  train:\n    cmd: {sys.executable} train.py\n    deps: [train.py]\n"
        "    metrics: [{live/metrics.json: {direction: {acc: max}}}]\n"
        "    plots: [live/plots]\n    stop: [no progress in acc for 5 steps]\n"
    )
    train.write("mltrack.yaml", text)
    train.mltrack("repro")
    train.write("mltrack.yaml", text.replace("acc: max", "acc: min"))
    said = train.mltrack("repro", "--force", code=8)
    assert "no progress in acc for 5 steps: best 0 at step 0" in said.err


def test_the_machine_is_sampled_while_a_stage_runs(
    train: Workspace, tmp_path: Path
) -> None:
    train.write("train.py", TRAIN + "time.sleep(2.5)\n")
    train.write(
        "mltrack.yaml",
        STAGE.format(
            python=sys.executable, more="    outs: [live/system]\n    monitor: true\n"
        ),
    )
    train.mltrack("repro")
    assert train.read("live/system/memory.csv").startswith("step,memory\n1,")


def test_a_job_that_is_followed_shows_its_last_values(
    train: Workspace, tmp_path: Path
) -> None:
    train.mltrack("config", "--local", "runner.local.directory", str(tmp_path / "here"))
    train.write("train.py", TRAIN + "log(step=300, loss=0.015625); time.sleep(3)\n")
    stage(train)
    train.mltrack("repro", "--detach")
    assert "loss 0.015625" in train.mltrack("job", "attach", "train").err
