"""Outputs: made anew, gone on from, left to git, restored; what is unsaved of them is
saved first.
"""

from tests.support.steps import verdicts
from tests.support.workspace import Workspace


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


def test_an_output_that_a_command_goes_on_from_is_not_restored_from_an_earlier_run(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat in >> log\n    deps: [in]\n    outs: [log: {persist: true}]\n",
    )
    for text in ("1", "2", "1"):
        ws.write("in", text)
        ws.mltrack("repro")
    assert ws.read("log") == "121"


def test_params_that_a_restored_stage_writes_are_seen(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  gen:\n    cmd: 'echo \"lr: $(cat x)\" > p.yaml'\n    deps: [x]\n    outs: [p.yaml]\n"
        "  train:\n    cmd: cp p.yaml model\n    params: [{p.yaml: [lr]}]\n    outs: [model]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("model") == f"lr: {value}\n"
    (ws.path / "p.yaml").unlink()
    (ws.path / "model").unlink()
    assert "2 restored" in ws.mltrack("repro").out


def test_a_lock_file_that_a_restored_stage_writes_is_seen(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  gen:\n    cmd: cp x uv.lock\n    deps: [x]\n    outs: [uv.lock]\n"
        "  train:\n    cmd: cp uv.lock model\n    env: {lock: uv.lock}\n    outs: [model]\n",
    )
    for value in ("1", "2", "1"):
        ws.write("x", value)
        ws.mltrack("repro")
        assert ws.read("model") == value


def test_large_outputs_left_to_git_and_edited_persistent_ones_are_saved_before_a_run(
    ws: Workspace,
) -> None:
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: test $(cat in) = 1 && head -c 2000000 /dev/zero > big; echo x >> log\n    deps: [in]\n"
        "    outs: [{big: {cache: false}}, {log: {persist: true}}]\n",
    )
    ws.mltrack("repro")
    ws.write("log", "edited by hand")
    ws.write("in", "2")
    ws.mltrack("repro", code=8)
    assert not ws.exists("big")
    ws.mltrack("undo")
    assert (ws.path / "big").stat().st_size == 2000000 and ws.read(
        "log"
    ) == "edited by hand"


def test_repro_notes_an_edit_that_it_replaces_even_if_the_cache_has_its_bytes(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: echo hi > out\n    outs: [out]\n")
    ws.mltrack("repro")
    for _ in range(2):
        ws.write("out", "mine")
        assert "saved before it was replaced" in ws.mltrack("repro").err
        ws.mltrack("undo")
        assert ws.read("out") == "mine"


def test_a_stage_recovers_from_whatever_a_failed_run_left(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: sh s.sh\n    deps: [s.sh]\n    outs: [out]\n",
    )
    for mess in (
        "mkdir out; ln -s /etc/passwd out/x",
        "mkdir out; mkfifo out/p",
        "git init -q out",
        "touch real; ln -s real out",
    ):
        ws.write("s.sh", f"{mess}; exit 1")
        ws.mltrack("repro", code=8)
        ws.mltrack("status")
        ws.write("s.sh", f"mkdir out; echo '{mess}' > out/x")
        ws.mltrack("repro")
        assert ws.read("out/x").strip() == mess
    ws.write("s.sh", "mkdir out; ln -s /etc/passwd out/x")
    assert "cannot be recorded" in ws.mltrack("repro", code=8).err


def test_repro_says_that_it_reads_unrecorded_data(ws: Workspace) -> None:
    ws.write("d", "one")
    ws.mltrack("add", "d")
    ws.write(
        "mltrack.yaml", "stages:\n  s:\n    cmd: cp d o\n    deps: [d]\n    outs: [o]\n"
    )
    ws.write("d", "edited")
    assert "d differs from its pointer" in ws.mltrack("repro").err
