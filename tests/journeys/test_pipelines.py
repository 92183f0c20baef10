"""Pipelines: repro, why, status, dag, stage, commit, params and metrics, as typed."""

import os
import time

import pytest

from tests.support.workspace import Workspace

CHAIN = """\
stages:
  first:
    cmd: cat in.txt > a.txt && echo ${word} >> a.txt
    deps: [in.txt]
    params: [word]
    outs: [a.txt]
  second:
    cmd: wc -c < a.txt > b.txt
    deps: [a.txt]
    outs: [b.txt]
  third:
    cmd: cat b.txt > c.txt
    deps: [b.txt]
    outs: [c.txt]
"""


@pytest.fixture
def chain(ws: Workspace) -> Workspace:
    ws.write("in.txt", "hello\n")
    ws.write("params.yaml", "word: one\nother: 1\n")
    ws.write("mltrack.yaml", CHAIN)
    return ws


def verdicts(ws: Workspace, *arguments: str) -> dict[str, str]:
    steps = ws.mltrack("repro", "--dry-run", "--json", *arguments).json["steps"]
    return {step["stage"]: step["verdict"] for step in steps}


def causes(ws: Workspace, stage: str) -> set[tuple[str, str]]:
    reasons = ws.mltrack("why", stage, "--json").json["stages"][0]["reasons"]
    return {(reason["cause"], reason["subject"]) for reason in reasons}


def test_repro_runs_everything_once_and_then_nothing(chain: Workspace) -> None:
    assert verdicts(chain) == {"first": "run", "second": "wait", "third": "wait"}
    assert "3 ran" in chain.mltrack("repro").out
    assert chain.read("a.txt") == "hello\none\n" and chain.read("c.txt").strip() == "10"
    assert "3 unchanged" in chain.mltrack("repro").out
    assert set(verdicts(chain).values()) == {"skip"}
    assert "Nothing changed" in chain.mltrack("status", "--check").out


def test_outputs_that_stay_the_same_stop_the_wave(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("params.yaml", "word: two\nother: 1\n")
    done = chain.mltrack("repro")
    # 'two' is as long as 'one', but a.txt differs
    assert "2 unchanged" not in done.out and "1 ran" not in done.out
    assert chain.read("a.txt") == "hello\ntwo\n"
    assert "third: unchanged" in done.err


def test_a_param_that_no_stage_reads_changes_nothing(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("params.yaml", "word: one\nother: 2\n")
    assert set(verdicts(chain).values()) == {"skip"}


def test_an_earlier_result_is_restored_from_the_run_cache(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("params.yaml", "word: other\nother: 1\n")
    chain.mltrack("repro")
    chain.write("params.yaml", "word: one\nother: 1\n")
    assert verdicts(chain)["first"] == "restore"
    done = chain.mltrack("repro")
    assert "3 restored" in done.out
    assert chain.read("a.txt") == "hello\none\n"
    chain.write("params.yaml", "word: other\nother: 1\n")
    assert "3 ran" in chain.mltrack("repro", "--no-run-cache").out


def test_outputs_that_were_lost_or_changed_come_back_without_a_run(
    chain: Workspace,
) -> None:
    chain.mltrack("repro")
    (chain.path / "b.txt").unlink()
    chain.write("a.txt", "scribble")
    # a.txt will be what it was again
    assert causes(chain, "second") == {("output-missing", "b.txt")}
    done = chain.mltrack("repro")
    assert chain.read("a.txt") == "hello\none\n" and chain.exists("b.txt")
    assert "ran" not in done.out.split(":")[1]
    # the scribble was the only copy of its bytes
    assert "saved before it was replaced" in done.err
    chain.mltrack("undo", "a.txt")
    assert chain.read("a.txt") == "scribble"


def test_force_runs_what_did_not_change(chain: Workspace) -> None:
    chain.mltrack("repro")
    assert "1 ran" in chain.mltrack("repro", "--force", "--single-item", "second").out


def test_targets_are_stages_or_paths_that_they_write(chain: Workspace) -> None:
    chain.mltrack("repro", "second")
    assert chain.exists("b.txt") and not chain.exists("c.txt")
    assert "1 ran, 2 unchanged" in chain.mltrack("repro", "c.txt").out
    refused = chain.mltrack("repro", "nosuch", code=2)
    assert "nosuch" in refused.err and "hint: mltrack stage list" in refused.err


def test_removing_a_dependency_or_a_param_is_noticed(chain: Workspace) -> None:
    chain.write("extra.txt", "x")
    chain.write(
        "mltrack.yaml", CHAIN.replace("deps: [in.txt]", "deps: [in.txt, extra.txt]")
    )
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN)
    assert causes(chain, "first") == {("dependency-removed", "extra.txt")}
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN.replace("    params: [word]\n", ""))
    assert causes(chain, "first") == {("param-removed", "params.yaml:word")}
    chain.mltrack("repro")
    assert set(verdicts(chain).values()) == {"skip"}


def test_a_changed_command_is_noticed_and_shown(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN.replace("wc -c <", "wc -l <"))
    said = chain.mltrack("why", "second").out
    assert "wc -c < a.txt" in said and "wc -l < a.txt" in said


def test_an_environment_variable_that_is_named_is_part_of_the_result(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $SEED > o\n    env: {vars: [SEED]}\n    outs: [o]\n",
    )
    ws.mltrack("repro", SEED="1")
    assert "1 unchanged" in ws.mltrack("repro", SEED="1").out
    assert ("environment-changed", "SEED") in {
        (reason["cause"], reason["subject"])
        for reason in ws.mltrack("why", "s", "--json", SEED="2").json["stages"][0][
            "reasons"
        ]
    }
    assert "1 ran" in ws.mltrack("repro", SEED="2").out and ws.read("o") == "2\n"
    assert "1 ran" in ws.mltrack("repro").out
    assert '"SEED": null' in ws.read("mltrack.lock")


def test_values_of_variables_stand_in_no_file(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    env: {vars: [PLACE]}\n    outs: [o]\n",
    )
    ws.mltrack("repro", PLACE="canary-51f3")
    for directory, _, files in os.walk(ws.path):
        for name in files:
            with open(os.path.join(directory, name), "rb") as file:
                assert b"canary-51f3" not in file.read()


def test_a_variable_that_looks_like_a_secret_is_refused(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    env: {vars: [API_KEY]}\n    outs: [o]\n",
    )
    assert "API_KEY" in ws.mltrack("repro", code=1).err


def test_a_dependency_that_changes_during_the_run_leaves_the_result_unrecorded(
    ws: Workspace,
) -> None:
    ws.write("in.txt", "before")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat in.txt > o; echo after > in.txt\n    deps: [in.txt]\n    outs: [o]\n",
    )
    done = ws.mltrack("repro", code=3)
    assert "in.txt changed" in done.err
    assert ws.read("o") == "before"
    assert "s" not in ws.mltrack("ls").out.splitlines()[1:]
    assert not ws.exists("mltrack.lock") or '"s"' not in ws.read("mltrack.lock")


def test_by_products_of_python_in_a_dependency_are_no_change(ws: Workspace) -> None:
    ws.write("src/tool.py", "VALUE = 3\n")
    ws.write(
        "run.py",
        "import sys; sys.path.insert(0, 'src'); import tool; open('o', 'w').write(str(tool.VALUE))\n",
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: python run.py\n    deps: [src, run.py]\n    outs: [o]\n",
    )
    ws.mltrack("repro", PYTHONDONTWRITEBYTECODE="")
    assert ws.exists("src/__pycache__")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.write("src/tool.py", "VALUE = 4\n")
    assert "1 ran" in ws.mltrack("repro", PYTHONDONTWRITEBYTECODE="").out


def test_what_git_ignores_in_a_dependency_directory_is_left_out_but_tracked_data_is_not(
    ws: Workspace,
) -> None:
    ws.write(".gitignore", "*.log\n")
    ws.write("data/raw/x", "1")
    ws.mltrack("add", "data/raw")
    ws.write("data/notes.log", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: [data]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("data/notes.log", "2")
    assert set(verdicts(ws).values()) == {"skip"}
    ws.write("data/raw/x", "2")
    assert set(verdicts(ws).values()) == {"run"}


def test_why_names_the_file_inside_a_directory(ws: Workspace) -> None:
    ws.write("src/a.py", "1")
    ws.write("src/b.py", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: [src]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("src/b.py", "2")
    ws.write("src/c.py", "2")
    said = ws.mltrack("why", "s").out
    assert (
        "modified  src/b.py" in said
        and "added     src/c.py" in said
        and "src/a.py" not in said
    )


def test_a_failing_command_ends_with_8_shows_its_last_lines_and_keeps_other_results(
    chain: Workspace,
) -> None:
    chain.write(
        "mltrack.yaml",
        CHAIN.replace("wc -c < a.txt > b.txt", "echo useful words; exit 3"),
    )
    done = chain.mltrack("repro", code=8)
    assert (
        "exit code 3" in done.err and "useful words" in done.err and "hint:" in done.err
    )
    assert (
        "1 ran" in done.out and "1 failed" in done.out and "1 not reached" in done.out
    )
    chain.write("mltrack.yaml", CHAIN)
    assert "2 ran, 1 unchanged" in chain.mltrack("repro").out


def test_a_killed_command_is_said_to_have_been_killed(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: kill -9 $$\n    outs: [o]\n")
    assert "SIGKILL" in ws.mltrack("repro", code=8).err


def test_a_command_that_does_not_write_its_output_has_failed(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: 'true'\n    outs: [o]\n")
    assert "did not write 'o'" in ws.mltrack("repro", code=8).err


def test_commands_of_a_list_run_in_order_and_stop_at_the_first_failure(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd:\n      - echo 1 > o\n      - 'false'\n      - echo 3 > o\n    outs: [o]\n",
    )
    ws.mltrack("repro", code=8)
    assert ws.read("o") == "1\n"


def test_wdir_vars_and_several_pipeline_files(ws: Workspace) -> None:
    ws.write("sub/params.yaml", "n: 7\n")
    ws.write("sub/inner/in", "x")
    ws.write(
        "sub/mltrack.yaml",
        "vars: [{greeting: hi, deep: {list: [1, 2]}}]\nstages:\n  s:\n    wdir: inner\n"
        "    cmd: echo ${greeting} ${n} ${deep.list[1]} \\${x} > o\n    deps: [in]\n    outs: [o]\n",
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  top:\n    cmd: cat sub/inner/o > t\n    deps: [sub/inner/o]\n    outs: [t]\n",
    )
    ws.mltrack("repro")
    assert ws.read("t") == "hi 7 2\n"
    assert ws.exists("sub/mltrack.lock") and ws.exists("mltrack.lock")
    assert "unchanged" in ws.mltrack("repro", "sub/mltrack.yaml:s").out
    assert "1 unchanged" in ws.mltrack("repro", "s", cwd=ws.path / "sub").out


def test_frozen_and_always_changed(ws: Workspace) -> None:
    ws.write("in", "1")
    text = "stages:\n  f:\n    cmd: cat in > o\n    deps: [in]\n    outs: [o]\n  a:\n    cmd: date +%N > p\n    outs: [p]\n    always_changed: true\n"
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro")
    ws.write("mltrack.yaml", text.replace("  f:\n", "  f:\n    frozen: true\n"))
    ws.write("in", "2")
    done = ws.mltrack("repro")
    assert "1 ran, 1 unchanged" in done.out and ws.read("o") == "1"


def test_persist_keeps_the_output_and_others_are_removed_before_a_run(
    ws: Workspace,
) -> None:
    text = "stages:\n  s:\n    cmd: echo x >> log; echo x >> fresh\n    deps: [in]\n    outs: [{log: {persist: true}}, fresh]\n"
    ws.write("mltrack.yaml", text)
    ws.write("in", "1")
    ws.mltrack("repro")
    ws.write("in", "2")
    ws.mltrack("repro")
    assert ws.read("log") == "x\nx\n" and ws.read("fresh") == "x\n"


def test_commit_records_the_present_state_as_if_it_had_run(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("in.txt", "edited comment\n")
    assert verdicts(chain)["first"] == "run"
    chain.mltrack("commit", "first")
    assert set(verdicts(chain).values()) == {"skip"}
    assert '"by": "hand"' in "".join(
        path.read_text()
        for path in (chain.path / ".mltrack/cache/runs").rglob("*.jsonl")
    )


def test_commit_of_tracked_data_says_to_use_add(ws: Workspace) -> None:
    ws.write("data/a", "1")
    ws.mltrack("add", "data")
    assert "hint: mltrack add data" in ws.mltrack("commit", "data", code=2).err


def test_params_and_metrics_are_compared_between_any_two_moments(ws: Workspace) -> None:
    ws.write("params.yaml", "lr: 0.1\n")
    ws.write("other.toml", "[net]\ndepth = 3\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo '{\"acc\":' ${lr} '}' > m.json; echo '{\"loss\":' ${lr} '}' > n.json\n"
        "    params: [lr, {other.toml: [net.depth]}]\n    metrics: [m.json, {n.json: {cache: false}}]\n",
    )
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("params.yaml", "lr: 0.25\n")
    ws.write("other.toml", "[net]\ndepth = 5\n")
    ws.mltrack("repro")
    changes = {
        (c["file"], c["name"]): (c["old"], c["new"])
        for c in ws.mltrack("params", "diff", "--json").json["params"]
    }
    assert changes == {
        ("params.yaml", "lr"): (0.1, 0.25),
        ("other.toml", "net.depth"): (3, 5),
    }
    ws.commit(tag="v2")
    metrics = {
        c["name"]: c["delta"]
        for c in ws.mltrack("metrics", "diff", "v1", "v2", "--json").json["metrics"]
    }
    assert metrics == {"acc": 0.15, "loss": 0.15}
    assert (
        "| m.json | acc | 0.1 | 0.25 | +0.15 |"
        in ws.mltrack("metrics", "diff", "v1", "--md").out
    )
    assert ws.mltrack("metrics", "show", "--rev", "v1", "--json").json["metrics"][
        "m.json"
    ] == {"acc": 0.1}
    assert "No metrics differ" in ws.mltrack("metrics", "diff").out


def test_stage_add_writes_what_was_typed_and_keeps_the_rest_of_the_file(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "# mine\nstages:\n  old:  # kept\n    cmd: touch o\n    outs: [o]\n",
    )
    ws.write("params.yaml", "lr: 1e-4\n")
    ws.mltrack(
        "stage",
        "add",
        "-n",
        "new",
        "-d",
        "in",
        "-p",
        "lr",
        "-o",
        "x",
        "-M",
        "m.json",
        "--",
        "tool",
        "--flag",
    )
    text = ws.read("mltrack.yaml")
    assert text.startswith("# mine\nstages:\n  old:  # kept\n")
    stages = {
        item["stage"]: item
        for item in ws.mltrack("stage", "list", "--json").json["stages"]
    }
    assert stages["new"]["cmd"] == ["tool --flag"] and stages["new"]["outs"] == [
        "x",
        "m.json",
    ]
    ws.mltrack("stage", "add", "-n", "new", "other", code=2)
    ws.mltrack("stage", "add", "-n", "new", "-f", "-o", "y", "other")
    assert ws.mltrack("stage", "list", "--json").json["stages"][1]["outs"] == ["y"]
    before = ws.read("mltrack.yaml")
    assert (
        "overlap"
        in ws.mltrack("stage", "add", "-n", "bad", "-o", "y/z", "x", code=1).err
    )
    assert ws.read("mltrack.yaml") == before


def test_dag_draws_boxes_dot_and_mermaid(chain: Workspace) -> None:
    drawn = chain.mltrack("dag").out
    assert "| first |" in drawn and max(map(len, drawn.splitlines())) <= 80
    assert '"first" -> "second";' in chain.mltrack("dag", "--dot").out
    assert "node1 --> node2" in chain.mltrack("dag", "--mermaid").out
    assert "third" not in chain.mltrack("dag", "second").out
    assert "in.txt" in chain.mltrack("dag", "--outs").out


def test_a_repro_that_was_killed_keeps_what_finished(chain: Workspace) -> None:
    chain.write(
        "mltrack.yaml", CHAIN.replace("wc -c < a.txt > b.txt", "kill -9 $PPID; sleep 5")
    )
    chain.mltrack("repro", code=None)
    chain.write("mltrack.yaml", CHAIN)
    assert "first: unchanged" in chain.mltrack("repro").err


def test_stages_see_where_the_project_is_and_their_own_name(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $MLTRACK_STAGE $MLTRACK_ROOT > o\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    assert ws.read("o") == f"s {ws.path}\n"


def test_outputs_are_kept_out_of_git_by_the_ignore_file_beside_the_pipeline_file(
    ws: Workspace,
) -> None:
    ws.write(
        "sub/mltrack.yaml",
        "stages:\n  s:\n    cmd: mkdir -p deep && touch deep/o m\n"
        "    outs: [deep/o]\n    metrics: [{m: {cache: false}}]\n",
    )
    ws.mltrack("repro")
    assert ws.read("sub/.gitignore") == "/deep/o\n"


def test_a_touched_file_runs_nothing(chain: Workspace) -> None:
    chain.mltrack("repro")
    time.sleep(0.05)
    os.utime(chain.path / "in.txt")
    assert "3 unchanged" in chain.mltrack("repro").out
