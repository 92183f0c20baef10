"""The language of pipeline files, as `dvc.yaml` has it: values of several files, names
made of names, lists in the place of lists, and what stands beside the stages.
"""

import pytest

from tests.support.workspace import Workspace

GROUP = """stages:
  build:
    foreach: [x, y]
    do: {cmd: "echo ${item} > ${item}.o", outs: ["${item}.o"]}
"""


def printed(ws: Workspace, pipeline: str) -> str:
    """What the stage `s` of a pipeline writes to `o`."""
    ws.write("mltrack.yaml", pipeline)
    ws.mltrack("repro")
    return ws.read("o").strip()


@pytest.mark.parametrize("target", ["build", "mltrack.yaml", "mltrack.yaml:build"])
@pytest.mark.parametrize(
    "verb", ["push", "fetch", "pull", "checkout", "status", "du", "ls", "drop"]
)
def test_groups_and_pipeline_files_are_targets_of_data_verbs(
    ws: Workspace, verb: str, target: str
) -> None:
    ws.write("mltrack.yaml", GROUP)
    ws.mltrack("repro")
    ws.commit()
    (ws.path / "store").mkdir()
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.mltrack("push")
    shown = ws.mltrack(verb, target)
    if verb in ("ls", "du"):
        assert "x.o" in shown.out and "y.o" in shown.out


def test_one_member_of_a_group_is_a_target_by_itself(ws: Workspace) -> None:
    ws.write("mltrack.yaml", GROUP)
    ws.mltrack("repro")
    shown = ws.mltrack("ls", "build@x").out
    assert "x.o" in shown and "y.o" not in shown


def test_files_of_values_give_parts_of_one_mapping(ws: Workspace) -> None:
    ws.write("a.yaml", "train: {lr: 1}\n")
    ws.write("b.yaml", "train: {epochs: 2}\n")
    stage = 'stages: {s: {cmd: "echo ${train.lr} ${train.epochs} > o", outs: [o]}}\n'
    assert printed(ws, f"vars: [a.yaml, b.yaml, a.yaml]\n{stage}") == "1 2"
    ws.write("mltrack.yaml", f"vars: [a.yaml, {{train: {{lr: 7}}}}]\n{stage}")
    refused = ws.mltrack("repro", code=1)
    assert "vars.1: 'train.lr' has another value already" in refused.err


def test_a_part_of_a_file_of_values_is_taken_by_its_keys(ws: Workspace) -> None:
    ws.write("c.yaml", "train: {lr: 1}\nother: 5\nrest: 6\n")
    pipeline = 'vars: ["c.yaml:other,train.lr"]\n' + (
        'stages: {s: {cmd: "echo ${train.lr} ${other} > o", outs: [o]}}\n'
    )
    assert printed(ws, pipeline) == "1 5"
    ws.write("mltrack.yaml", pipeline.replace("${other}", "${rest}"))
    assert "there is no 'rest'" in ws.mltrack("repro", code=1).err


def test_values_of_a_stage_are_found_from_where_it_runs(ws: Workspace) -> None:
    ws.write("sub/v.yaml", "k: 9\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n"
        '  s: {wdir: sub, vars: [v.yaml], cmd: "echo ${k} > o", outs: [o]}\n'
        "  f: {foreach: [1], do: {wdir: sub, vars: [v.yaml],"
        ' cmd: "echo ${k} ${item} > f", outs: [f]}}\n'
        "  m: {matrix: {q: [2]}, wdir: sub, vars: [v.yaml],"
        ' cmd: "echo ${k} ${item.q} > m", outs: [m]}\n',
    )
    ws.mltrack("repro")
    assert [ws.read(f"sub/{name}").strip() for name in "ofm"] == ["9", "9 1", "9 2"]


def test_keys_in_brackets_and_values_of_composite_items(ws: Workspace) -> None:
    pipeline = (
        "stages:\n  s:\n    matrix: {cfg: [{name: a, sizes: [3, 4]}]}\n"
        '    cmd: "echo ${item[cfg][name]} ${item.cfg[sizes][1]} > o"\n    outs: [o]\n'
    )
    assert printed(ws, pipeline) == "a 4"


def test_a_name_is_made_of_another_reference(ws: Workspace) -> None:
    ws.write("params.yaml", "models: {small: {lr: 1}, large: {lr: 2}}\nchoice: large\n")
    stage = 'stages: {s: {cmd: "echo ${models.${choice}.lr} > o", outs: [o]}}\n'
    assert printed(ws, stage) == "2"
    ws.write("params.yaml", "models: {}\nchoice: 'x; rm -rf /'\n")
    refused = ws.mltrack("repro", code=1)
    assert "the inner reference is 'x; rm -rf /', which is no name" in refused.err


@pytest.mark.parametrize("deps", ["${files}", '["${files}", c]'])
def test_a_list_stands_for_its_items(ws: Workspace, deps: str) -> None:
    ws.write("params.yaml", "files: [a, b]\n")
    for name in "abc":
        ws.write(name, name)
    quoted = f'"{deps}"' if deps.startswith("$") else deps
    pipeline = f"stages: {{s: {{cmd: cat a b > o, deps: {quoted}, outs: [o]}}}}\n"
    assert printed(ws, pipeline) == "ab"
    ws.write("b", "changed")
    assert "b changed" in ws.mltrack("status").out


def test_a_list_stands_for_its_outputs_too(ws: Workspace) -> None:
    ws.write("params.yaml", "files: [a, b]\n")
    ws.write(
        "mltrack.yaml",
        'stages: {s: {cmd: touch a b c, outs: ["${files}", c]}, '
        't: {cmd: "cat ${files} > d", deps: "${files}", outs: [d]}}\n',
    )
    ws.mltrack("repro")
    stages = ws.mltrack("stage", "list", "--json").json["stages"]
    assert [stage["outs"] for stage in stages] == [["a", "b", "c"], ["d"]]


def test_what_came_out_of_a_template_is_no_template(ws: Workspace) -> None:
    ws.write("params.yaml", "files: ['a${b}']\n")
    ws.write("a${b}", "x")
    pipeline = 'stages: {s: {cmd: "echo > o", deps: "${files}", outs: [o]}}\n'
    ws.write("mltrack.yaml", pipeline)
    ws.mltrack("repro")
    assert "a${b}" in ws.read("mltrack.lock")


def test_templates_and_directories_at_the_top(ws: Workspace) -> None:
    ws.write("params.yaml", "dir: res\n")
    ws.write("res/m.json", '{"loss": 1}')
    ws.write("res/notes.txt", "no metrics")
    ws.write("res/p.csv", "x,y\n1,2\n")
    ws.write("res/more.yaml", "k: 3\n")
    ws.write(
        "mltrack.yaml",
        'params: ["${dir}/more.yaml"]\nmetrics: ["${dir}/m.json"]\n'
        'plots: ["${dir}/p.csv", {curve: {x: x, y: {"${dir}/p.csv": y}}}]\n',
    )
    assert "res/m.json" in ws.mltrack("metrics", "show").out
    assert "res/more.yaml" in ws.mltrack("params", "show").out
    shown = ws.mltrack("plots", "show", "--json").out
    assert '"res/p.csv"' in shown and '"curve"' in shown
    ws.write("mltrack.yaml", "metrics: [res]\n")
    listed = ws.mltrack("metrics", "show").out
    assert "res/m.json" in listed and "notes" not in listed


def test_keys_of_params_may_be_numbers_and_words_of_yaml(ws: Workspace) -> None:
    ws.write("params.yaml", "1: a\n2.5: b\ntrue: c\nnull: d\n")
    ws.write("list.yaml", "[1, 2]\n")
    ws.write(
        "mltrack.yaml",
        'stages: {s: {cmd: "echo > o", params: ["1", {list.yaml: }], outs: [o]}}\n',
    )
    ws.mltrack("repro")
    assert "unchanged" in ws.mltrack("repro").err
    ws.write("list.yaml", "[1, 3]\n")
    assert "param list.yaml" in ws.mltrack("status").out


def test_empty_values_dots_in_names_and_what_a_registry_reads(ws: Workspace) -> None:
    ws.write("params.yaml", 'empty: ""\nunset:\n')
    ws.write(
        "mltrack.yaml",
        "artifacts: {m: {path: o, type: model, desc: x, labels: [a]}}\n"
        "datasets: [{name: d, type: dvc}]\n"
        "stages:\n  pre.pare:\n"
        '    cmd: "echo [${empty}${unset}] > o"\n'
        "    outs: [{o: {labels: [best], meta: {by: hand}, desc: text}}]\n",
    )
    ws.mltrack("repro", "pre.pare")
    assert ws.read("o") == "[]\n"


def test_a_revision_by_the_text_of_its_message(ws: Workspace) -> None:
    ws.write("data", "1")
    ws.mltrack("add", "data")
    ws.commit("the first state")
    ws.write("data", "2")
    ws.mltrack("add", "data")
    ws.commit("the second")
    assert "modified  data" in ws.mltrack("diff", ":/first state").out
    assert "No differences" in ws.mltrack("diff", ":/second").out


@pytest.mark.parametrize("target", ["d", "d/a", "ABSOLUTE"])
def test_what_is_new_is_a_target_of_diff(ws: Workspace, target: str) -> None:
    ws.commit("nothing yet")
    ws.write("d/a", "1")
    ws.mltrack("add", "d")
    asked = str(ws.path / "d") if target == "ABSOLUTE" else target
    assert "added     d/a" in ws.mltrack("diff", "-t", asked).out
    assert "'nothing' is not tracked" in ws.mltrack("diff", "-t", "nothing", code=2).err


@pytest.mark.parametrize("target", ["curve", "p.csv", "ABSOLUTE"])
def test_plots_are_chosen_by_name_or_path(ws: Workspace, target: str) -> None:
    ws.write("p.csv", "x,y\n1,2\n")
    ws.write("mltrack.yaml", "plots: [{curve: {x: x, y: {p.csv: y}}}, p.csv]\n")
    asked = str(ws.path / "p.csv") if target == "ABSOLUTE" else target
    shown = ws.mltrack("plots", "show", "-t", asked, "--json").out
    assert f'"name": "{"p.csv" if target == "ABSOLUTE" else target}"' in shown
