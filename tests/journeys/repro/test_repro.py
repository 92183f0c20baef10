"""repro runs what changed, restores what ran before, and leaves the rest."""

from tests.support.steps import CHAIN, causes, verdicts
from tests.support.workspace import Workspace


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


def test_a_changed_command_is_noticed_and_shown(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("mltrack.yaml", CHAIN.replace("wc -c <", "wc -l <"))
    said = chain.mltrack("why", "second").out
    assert "wc -c < a.txt" in said and "wc -l < a.txt" in said


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


def test_stages_see_where_the_project_is_and_their_own_name(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $MLTRACK_STAGE $MLTRACK_ROOT > o\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    assert ws.read("o") == f"s {ws.path}\n"


def test_downstream_single_item_and_force(ws: Workspace) -> None:
    text = "stages:\n" + "".join(
        f"  s{n}:\n    cmd: cat o{n - 1} > o{n}; echo {n} >> o{n}\n    deps: [o{n - 1}]\n    outs: [o{n}]\n"
        for n in range(1, 5)
    )
    ws.write("o0", "x")
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro")
    assert "2 stages: 2 unchanged" in ws.mltrack("repro", "--downstream", "s3").out
    assert "1 stage: 1 ran" in ws.mltrack("repro", "-s", "-f", "s2").out
    assert "3 stages: 3 ran" in ws.mltrack("repro", "--force", "s3").out
    assert "exclude each other" in ws.mltrack("repro", "-s", "--downstream", code=2).err


def test_frozen_stages_stay_as_they_are(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  # about t\n  t:\n    cmd: cat i > o  # here\n    deps: [i]\n    outs: [o]\n",
    )
    ws.write("i", "1")
    ws.mltrack("repro")
    before = ws.read("mltrack.yaml")
    assert "frozen: t" in ws.mltrack("freeze", "t").out
    ws.write("i", "2")
    assert "t: frozen" in ws.mltrack("repro").err and ws.read("o") == "1"
    assert "unfrozen: t" in ws.mltrack("unfreeze", "t").out
    assert ws.read("mltrack.yaml") == before
    ws.mltrack("repro")
    assert ws.read("o") == "2"


def test_a_past_result_that_says_a_wrong_size_costs_a_run(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s: {cmd: cat in > o, deps: [in], outs: [o]}\n")
    for text in ("1111", "2222"):
        ws.write("in", text)
        ws.mltrack("repro")
    for path in (ws.path / ".mltrack/cache/runs").glob("*.jsonl"):
        data = path.read_bytes()
        at = data.index(b'"size": 4', data.index(b'"outs": {"o"'))
        path.chmod(0o644)
        path.write_bytes(data[:at] + b'"size": 5' + data[at + 9 :])
    ws.write("in", "1111")
    assert "1 ran" in ws.mltrack("repro").out and ws.read("o") == "1111"
