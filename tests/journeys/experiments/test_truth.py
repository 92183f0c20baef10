"""What is shown of experiments is what they did, and nothing of what others did."""

import json

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def nested(ws: Workspace) -> Workspace:
    """A project whose stage fails at a depth of five, and has run in the workspace."""
    ws.write("params.yaml", "train:\n  lr: 2\n  depth: 4\nname: a\n")
    ws.write(
        "t.sh",
        "d=$(sed -n 's/.*depth: //p' params.yaml)\nl=$(sed -n 's/.*lr: //p' params.yaml)\n"
        'test $d -ne 5 || exit 3\necho "{\\"loss\\": $l}" > m.json\n',
    )
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: sh t.sh\n    deps: [t.sh]\n    params: [train]\n"
        "    metrics: [m.json: {cache: false}]\n",
    )
    ws.commit("code")
    ws.mltrack("repro")
    ws.commit("ran")
    return ws


def shown(ws: Workspace) -> dict[str, dict[str, object]]:
    found = json.loads(ws.mltrack("exp", "show", "--json").out)["experiments"]
    return {one["name"]: one for one in found}


def test_one_that_failed_has_no_metrics_of_the_workspace(nested: Workspace) -> None:
    nested.mltrack(
        "exp", "run", "-n", "a", "-S", "train.lr=1,3", "-S", "train.depth=4,5", code=8
    )
    found = shown(nested)
    assert found["a-2"]["metrics"] == {} and found["a-4"]["metrics"] == {}
    assert found["a-1"]["metrics"] == {"m.json": {"loss": 1}}
    ranked = nested.mltrack("exp", "rank", "--by", "metrics.loss", "--min", "--json")
    assert [one["name"] for one in ranked.json["experiments"]] == ["a-1", "a-3"]
    # what was set is what is shown, also of those
    where = ("--where", "params.depth == 5", "--csv", "--columns", "name,params.lr")
    assert nested.mltrack("exp", "show", *where).out == "name,params.lr\na-2,1\na-4,3\n"


def test_a_param_of_a_section_has_one_name(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-n", "one", "-S", "train.lr=7")
    assert shown(nested)["one"]["params"] == {
        "params.yaml": {"train.lr": 7, "train.depth": 4}
    }


def test_a_list_is_taken_apart_as_in_the_file(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-n", "one", "-S", "train.lr=[5,6]")
    params = shown(nested)["one"]["params"]["params.yaml"]  # type: ignore[index]
    assert params == {"train.lr[0]": 5, "train.lr[1]": 6, "train.depth": 4}


def test_apply_leaves_the_settings_of_the_project_alone(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-n", "old", "-S", "train.lr=9")
    nested.mltrack("remote", "add", "other", "../other")
    nested.commit("a remote")
    nested.mltrack("exp", "apply", "old")
    assert "other" in nested.mltrack("remote", "list").out
    nested.mltrack("undo")
    assert nested.git("status", "--porcelain").out == ""


def test_a_file_that_is_read_and_not_declared_is_named_once(nested: Workspace) -> None:
    nested.write("helper.py", "F = 1\n")
    nested.write("u.py", "import helper\nopen('m.json', 'w').write('{\"loss\": 1}')\n")
    nested.write(
        "mltrack.yaml",
        nested.read("mltrack.yaml")
        .replace("sh t.sh", "python u.py")
        .replace("t.sh", "u.py"),
    )
    said = nested.mltrack("exp", "run", "-S", "train.lr=1,2").said
    assert said.count("t read helper.py, which it does not declare") == 1


def test_which_way_is_better_must_be_said(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-S", "train.lr=1,2")
    done = nested.mltrack("exp", "rank", "--by", "metrics.loss", code=2)
    assert "--max or --min" in done.err


def test_a_name_that_git_has_is_refused(nested: Workspace) -> None:
    nested.git("branch", "topic")
    done = nested.mltrack("exp", "run", "-n", "topic", "-S", "train.lr=1", code=2)
    assert "git has a branch, a tag or a commit 'topic' already" in done.err
    nested.mltrack("exp", "run", "-n", "one", "-S", "train.lr=1")
    assert "already" in nested.mltrack("exp", "rename", "one", "topic", code=2).err
    assert list(shown(nested)) == ["one"]


def test_tags_are_words_in_csv(nested: Workspace) -> None:
    nested.mltrack(
        "exp", "run", "-n", "one", "--tag", "a", "--tag", "b c", "-S", "train.lr=1"
    )
    out = nested.mltrack("exp", "show", "--csv", "--columns", "name,tags").out
    assert out == 'name,tags\none,"a, b c"\n'


def test_values_are_found_by_the_names_of_their_columns(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-n", "n", "-S", "train.lr=1,3")
    show = nested.mltrack(
        "exp", "show", "--where", "loss > 1", "--csv", "--columns", "name,lr"
    )
    assert show.out == "name,lr\nn-2,3\n"
    ranked = nested.mltrack("exp", "rank", "--by", "loss", "--min", "--json").json
    assert [one["name"] for one in ranked["experiments"]] == ["n-1", "n-2"]
    # the experiment's own name, whatever a param is called
    assert nested.mltrack("exp", "show", "--where", 'name == "n-1"', "--json").json[
        "experiments"
    ]


def test_an_experiment_is_compared_with_a_revision(nested: Workspace) -> None:
    nested.mltrack("exp", "run", "-n", "one", "-S", "train.lr=7")
    found = nested.mltrack("exp", "diff", "HEAD", "one", "--json").json
    assert [(one["key"], one["old"], one["new"]) for one in found["params"]] == [
        ("train.lr", 2, 7)
    ]
    assert [(one["old"], one["new"]) for one in found["metrics"]] == [(2, 7)]
