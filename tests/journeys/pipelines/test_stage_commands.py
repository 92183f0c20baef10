"""stage add, stage list and dag: what was typed is written as it was meant."""

import sys

from tests.support.workspace import Workspace


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


def test_stage_add_knows_the_options_for_outputs_that_dvc_has(ws: Workspace) -> None:
    kept = {"--outs-persist": "p", "--outs-persist-no-cache": "q"}
    ws.mltrack(
        *("stage", "add", "-n", "s", "-o", "o", "-O", "u", "--plots-no-cache", "c.csv"),
        *(word for pair in kept.items() for word in pair),
        "echo x >> p; echo x >> q; touch o u; echo 1 > c.csv",
    )
    block = ws.read("mltrack.yaml")
    for line in ("- o", "- u:", "- p:", "- q:", "- c.csv:", "persist: true"):
        assert line in block
    ws.mltrack("repro")
    ws.mltrack("repro", "--force")
    assert ws.read("p") == ws.read("q") == "x\nx\n"
    ignored = ws.read(".gitignore").split()
    assert "/p" in ignored and not {"/q", "/u", "/c.csv"} & set(ignored)


def test_stage_add_run_runs_the_stage_that_it_declares(ws: Workspace) -> None:
    (ws.path / "sub").mkdir()
    words = ("stage", "add", "--run", "-n", "s", "-o", "o", "echo 1 > o")
    done = ws.mltrack(*words, cwd=ws.path / "sub")
    assert "added stage" in done.out and "1 ran" in done.out
    assert ws.read("sub/o") == "1\n"
    refused = ws.mltrack("stage", "add", "--run", "--infer", "-n", "t", "x", code=2)
    assert "--run and --infer exclude each other" in refused.err
    assert "t:" not in ws.read("sub/mltrack.yaml") and not ws.exists("mltrack.yaml")


def test_dag_draws_boxes_dot_and_mermaid(chain: Workspace) -> None:
    drawn = chain.mltrack("dag").out
    assert "| first |" in drawn and max(map(len, drawn.splitlines())) <= 80
    assert '"first" -> "second";' in chain.mltrack("dag", "--dot").out
    assert "node1 --> node2" in chain.mltrack("dag", "--mermaid").out
    assert "third" not in chain.mltrack("dag", "second").out
    assert "in.txt" in chain.mltrack("dag", "--outs").out


def test_stage_add_keeps_the_quoting_of_what_was_typed(ws: Workspace) -> None:
    ws.mltrack(
        "stage",
        "add",
        "-n",
        "q",
        "-o",
        "q.txt",
        "--",
        "python",
        "-c",
        'open("q.txt", "w").write("a  b")',
    )
    ws.mltrack("repro")
    assert ws.read("q.txt") == "a  b"


def test_stage_add_refuses_an_output_inside_tracked_data(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    ws.mltrack("stage", "add", "-n", "s", "-o", "data/x", "touch data/x", code=1)
    assert not ws.exists("mltrack.yaml")


def test_a_stage_is_inferred_from_one_run(ws: Workspace) -> None:
    for n in range(5):
        ws.write(f"data/{n}.txt", str(n))
    ws.write("params.yaml", "lr: 1\n")
    ws.write(
        "train.py",
        "import glob, os\nopen('params.yaml').read()\nsum(int(open(p).read()) for p in glob.glob('data/*'))\n"
        "os.makedirs('out', exist_ok=True)\nfor n in range(5): open(f'out/{n}', 'w').write('x')\nopen('model.bin', 'w').write('m')\n",
    )
    ws.commit()
    ws.mltrack(
        "stage", "add", "-n", "train", "--infer", "--", sys.executable, "train.py"
    )
    stage = ws.mltrack("stage", "list", "--json").json["stages"][0]
    assert stage["deps"] == ["data", "train.py"] and stage["outs"] == [
        "model.bin",
        "out",
    ]
    assert "params.yaml: null" in ws.read("mltrack.yaml")
    ws.mltrack("commit", "train")
    assert "1 unchanged" in ws.mltrack("repro").out
    ws.mltrack("stage", "add", "-n", "bad", "--infer", "--", "false", code=8)
    assert "bad" not in ws.read("mltrack.yaml")


def test_everything_after_the_first_word_of_a_command_is_the_commands(
    ws: Workspace,
) -> None:
    ws.mltrack(
        "stage",
        "add",
        "-n",
        "s",
        "-o",
        "o",
        "sort",
        "-u",
        "in.csv",
        "-o",
        "o",
        "--force",
    )
    assert ws.mltrack("stage", "list", "--json").json["stages"][0]["cmd"] == [
        "sort -u in.csv -o o --force"
    ]
    assert (
        "'a b' is no name for a stage"
        in ws.mltrack("stage", "add", "-n", "a b", "x", code=2).err
    )


def test_stages_of_other_files_are_found_from_where_a_person_stands(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", "stages:\n  join:\n    cmd: echo 1 > j\n    outs: [j]\n")
    text = (
        "stages:\n  far:\n    cmd: cp ../j f\n    deps: [{stage: REF}]\n    outs: [f]\n"
    )
    for reference in ("join", "mltrack.yaml:join", "../mltrack.yaml:join"):
        ws.write("sub/mltrack.yaml", text.replace("REF", f'"{reference}"'))
        assert ws.mltrack("stage", "list", "--json").json["stages"][1]["deps"] == ["j"]
    assert (
        "did you mean 'sub/mltrack.yaml:far'?" in ws.mltrack("repro", "far", code=2).err
    )
    assert "2 ran" in ws.mltrack("repro", "sub").out
    assert "1 unchanged" in ws.mltrack("repro", "mltrack.yaml:join").out


def test_a_file_that_is_renamed_into_place_is_inferred(ws: Workspace) -> None:
    ws.write(
        "w.py", "import os\nopen('tmp', 'w').write('1')\nos.rename('tmp', 'final')\n"
    )
    ws.mltrack("stage", "add", "-n", "s", "--infer", sys.executable, "w.py")
    assert ws.mltrack("stage", "list", "--json").json["stages"][0]["outs"] == ["final"]
