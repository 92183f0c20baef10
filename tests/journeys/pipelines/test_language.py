"""The language of pipeline files, as `dvc.yaml` users know it and beyond: what a file
says, and what then stands there.
"""

import pytest

from tests.support.workspace import Workspace


def stages(ws: Workspace, text: str, params: str = "") -> dict[str, dict[str, object]]:
    ws.write("mltrack.yaml", text)
    if params:
        ws.write("params.yaml", params)
    return {
        stage["stage"]: stage
        for stage in ws.mltrack("stage", "list", "--json").json["stages"]
    }


def commands(found: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: stage["cmd"] for name, stage in found.items()}


def test_foreach_over_a_list_of_values_names_stages_by_value(ws: Workspace) -> None:
    found = stages(
        ws,
        "stages:\n  t:\n    foreach: [us, 2, 0.5, true]\n    do:\n      cmd: echo ${item}\n",
    )
    assert commands(found) == {
        "t@us": ["echo us"],
        "t@2": ["echo 2"],
        "t@0.5": ["echo 0.5"],
        "t@true": ["echo true"],
    }


def test_foreach_over_mappings_and_lists_of_mappings(ws: Workspace) -> None:
    text = (
        "stages:\n"
        "  d:\n    foreach:\n      us: {n: 1}\n      eu: {n: 2}\n    do:\n      cmd: echo ${key} ${item.n}\n"
        "  l:\n    foreach:\n    - {n: 1, xs: [a, b]}\n    - {n: 2, xs: [c]}\n    do:\n      cmd: echo ${item.n} ${item.xs[0]}\n"
    )
    assert commands(stages(ws, text)) == {
        "d@us": ["echo us 1"],
        "d@eu": ["echo eu 2"],
        "l@0": ["echo 1 a"],
        "l@1": ["echo 2 c"],
    }


def test_foreach_over_a_template(ws: Workspace) -> None:
    text = "stages:\n  t:\n    foreach: ${sites}\n    do:\n      cmd: echo ${item} ${n}\n      outs: ['${item}.txt']\n"
    found = stages(ws, text, "sites: [north, south]\nn: 3\n")
    assert commands(found) == {"t@north": ["echo north 3"], "t@south": ["echo south 3"]}
    assert found["t@north"]["outs"] == ["north.txt"]


def test_matrix_takes_every_combination(ws: Workspace) -> None:
    text = (
        "stages:\n  t:\n    matrix:\n      model: [cnn, xgb]\n      size: ${sizes}\n"
        "    cmd: train ${item.model} ${item.size} ${key}\n"
    )
    assert commands(stages(ws, text, "sizes: [1, 2]\n")) == {
        "t@cnn-1": ["train cnn 1 cnn-1"],
        "t@cnn-2": ["train cnn 2 cnn-2"],
        "t@xgb-1": ["train xgb 1 xgb-1"],
        "t@xgb-2": ["train xgb 2 xgb-2"],
    }


def test_matrix_names_what_is_no_single_value_by_position(ws: Workspace) -> None:
    text = "stages:\n  t:\n    matrix:\n      m: [{name: a}, {name: b}]\n    cmd: train ${item.m.name}\n"
    assert commands(stages(ws, text)) == {"t@m0": ["train a"], "t@m1": ["train b"]}


def test_matrix_with_exclude_and_include(ws: Workspace) -> None:
    text = (
        "stages:\n  t:\n    matrix:\n      m: [a, b]\n      n: [1, 2]\n      exclude:\n      - {m: b, n: 1}\n"
        "      include:\n      - {m: a, n: 1, extra: x}\n      - {m: c, n: 3}\n"
        "    cmd: run ${item.m} ${item.n} ${item.extra:-none}\n"
    )
    assert commands(stages(ws, text)) == {
        "t@a-1": ["run a 1 x"],
        "t@a-2": ["run a 2 none"],
        "t@b-2": ["run b 2 none"],
        "t@c-3": ["run c 3 none"],
    }


def test_a_mapping_in_a_command_becomes_options_and_a_list_becomes_words(
    ws: Workspace,
) -> None:
    params = "train:\n  lr: 0.1\n  name: a b\n  fast: true\n  slow: false\n  sizes: [1, x y]\n  opt: {beta: 2}\nwords: [1, 'c d']\n"
    found = stages(ws, "stages:\n  t:\n    cmd: train ${train} -- ${words}\n", params)
    assert found["t"]["cmd"] == [
        "train --lr 0.1 --name 'a b' --fast --sizes 1 'x y' --opt.beta 2 -- 1 'c d'",
    ]


def mistakes(ws: Workspace, text: str) -> str:
    ws.write("mltrack.yaml", text)
    return ws.mltrack("stage", "list", code=1).err


def test_defaults_stand_in_for_values_that_are_not_there(ws: Workspace) -> None:
    text = (
        "stages:\n  t:\n    cmd: echo ${lr:-0.1} ${given:-no} ${a.b:-x y}\n    frozen: ${ice:-true}\n"
        "  u:\n    foreach: ${none:-3}\n    do: {cmd: x}\n"
    )
    assert "must be a list or a mapping" in mistakes(ws, text)
    found = stages(ws, text.partition("  u:")[0], "given: yes\n")
    assert found["t"]["cmd"] == ["echo 0.1 yes x y"] and found["t"]["frozen"] is True


def test_vars_come_from_files_keys_of_files_and_mappings(ws: Workspace) -> None:
    ws.write("a.json", '{"x": {"y": 1}, "z": 2}')
    ws.write("b.toml", "v = 3\n[w]\nu = 4\n")
    ws.write(
        "c.py",
        "K = 5\nclass Train:\n    lr = 0.1\n    def __init__(self):\n        self.n = (1, 2)\nother = print\n",
    )
    text = (
        "vars:\n- a.json:x.y\n- b.toml\n- c.py\n- own: 6\n"
        "stages:\n  t:\n    vars:\n    - mine: 7\n    cmd: echo ${x.y} ${v} ${w.u} ${K} ${Train.lr} ${Train.n[1]} ${own} ${mine}\n"
    )
    assert stages(ws, text)["t"]["cmd"] == ["echo 1 3 4 5 0.1 2 6 7"]
    assert "'own' has another value already" in mistakes(
        ws, text.replace("mine: 7", "own: 8")
    )
    assert "there is no 'z'" in mistakes(ws, text.replace("${mine}", "${z}"))


def test_a_stage_can_depend_on_another_by_name(ws: Workspace) -> None:
    ws.write(
        "sub/mltrack.yaml", "stages:\n  far:\n    cmd: echo far > f\n    outs: [f]\n"
    )
    text = (
        "stages:\n"
        "  all:\n    cmd: cat p* sub/f > all\n    deps:\n    - stage: prep\n    - stage: sub/mltrack.yaml:far\n    outs: [all]\n"
        "  one:\n    cmd: cat p1 > one\n    deps: [{stage: prep@1}]\n    outs: [one]\n"
        "  prep:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item} > p${item}\n      outs: ['p${item}']\n"
    )
    found = stages(ws, text)
    assert found["all"]["deps"] == ["p1", "p2", "sub/f"] and found["one"]["deps"] == [
        "p1"
    ]
    ws.mltrack("repro")
    assert ws.read("all") == "1\n2\nfar\n"
    said = mistakes(ws, text.replace("stage: prep@1", "stage: prap@1"))
    assert "mltrack.yaml:10:12" in said and "did you mean 'prep@1'?" in said


def test_targets_may_name_a_group_one_of_it_or_a_stage_of_another_file(
    ws: Workspace,
) -> None:
    ws.write(
        "sub/mltrack.yaml", "stages:\n  far:\n    cmd: echo far > f\n    outs: [f]\n"
    )
    text = "stages:\n  t:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item} > o${item}\n      outs: ['o${item}']\n"
    stages(ws, text)
    assert "1 stage: 1 ran" in ws.mltrack("repro", "t@1").out
    assert "2 stages: 1 ran, 1 unchanged" in ws.mltrack("repro", "t").out
    assert "1 stage: 1 ran" in ws.mltrack("repro", "sub/mltrack.yaml:far").out
    assert "1 stage: 1 unchanged" in ws.mltrack("repro", "far", cwd=ws.path / "sub").out


def test_params_are_read_from_python_without_running_it(ws: Workspace) -> None:
    ws.write("conf.py", "LR = 0.1\nraise SystemExit('was run')\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo x > o\n    params:\n    - conf.py: [LR]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("conf.py", "LR = 0.2\n")
    assert "conf.py:LR changed: 0.1 -> 0.2" in ws.mltrack("why", "t").out
    ws.write("conf.py", "LP = 0.2\n")
    assert "it has: LP" in ws.mltrack("repro", code=1).err


def test_a_stage_that_declares_nothing_runs_every_time(ws: Workspace) -> None:
    stages(ws, "stages:\n  t:\n    cmd: echo ran >> ../count\n")
    for _ in range(3):
        ws.mltrack("repro")
    assert (ws.path.parent / "count").read_text() == "ran\n" * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "stages:\n  t:\n    foreach: [a, a]\n    do: {cmd: x}\n",
            "two stages would have the key 'a'",
        ),
        (
            "stages:\n  t:\n    foreach: 3\n    do: {cmd: x}\n",
            "mltrack.yaml:3:5: stages.t.foreach: must be a list",
        ),
        ("stages:\n  t:\n    foreach: [1]\n", "needs both 'foreach'"),
        (
            "stages:\n  t:\n    foreach: [1]\n    do: {cmd: x}\n    deps: [y]\n",
            "unknown key",
        ),
        (
            "stages:\n  t:\n    matrix: {a: 3}\n    cmd: x\n",
            "'a' must be a list of values",
        ),
        (
            "stages:\n  t:\n    matrix: {a: [1], include: 3}\n    cmd: x\n",
            "'include' must be a list of mappings",
        ),
        (
            f"stages:\n  t:\n    matrix: {{a: {list(range(400))}, b: {list(range(400))}}}\n    cmd: x\n",
            "160,000 stages",
        ),
        (
            'stages:\n  t:\n    foreach: ["a\\tb"]\n    do: {cmd: x}\n',
            "no name of a stage",
        ),
        (
            "stages:\n  t:\n    cmd: x\n    deps: [{stages: y}]\n",
            "did you mean 'stage'?",
        ),
        ("stages:\n  t:\n    cmd: x\n    resources: {gpus: 0.5}\n", "whole number"),
        (
            "stages:\n  t:\n    cmd: x\n    resources: {memory: lots}\n",
            "not a size such as",
        ),
        ("stages:\n  t:\n    cmd: x\n    timeout: soon\n", "not a duration such as"),
        ("stages:\n  t:\n    cmd: x\n    retry: {tries: 0}\n", "from 1 to 1000"),
        ("stages:\n  t:\n    cmd: x\n    check: maybe\n", "none, warn, error"),
        (
            "stages:\n  t:\n    cmd: x\n    deps: ['file:///etc/passwd']\n",
            "a place on this machine",
        ),
        (
            "stages:\n  t:\n    cmd: x\n    deps: ['https://user:word@host/f']\n",
            "a URL with a password",
        ),
        (
            "stages:\n  t:\n    cmd: x\n    outs: ['*.csv']\n",
            "declare a directory instead",
        ),
        (
            "stages:\n  t:\n    cmd: x\n    each: {a: b}\n",
            "'each' is not supported by this version",
        ),
        ("vars:\n- {a: 1}\n- {a: 2}\nstages: {}\n", "'a' has another value already"),
    ],
)
def test_mistakes_are_told_with_their_place(
    text: str, said: str, ws: Workspace
) -> None:
    assert said in mistakes(ws, text)
    assert not ws.exists("mltrack.lock")


def test_one_mistake_in_a_group_is_told_once_and_those_of_other_stages_too(
    ws: Workspace,
) -> None:
    said = mistakes(
        ws,
        "stages:\n  t:\n    foreach: [1, 2, 3]\n    do: {cmd: x, dep: [y]}\n  u:\n    cmd: y\n    out: [z]\n",
    )
    assert (
        said.count("did you mean 'deps'?") == 1
        and said.count("did you mean 'outs'?") == 1
    )
