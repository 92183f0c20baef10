"""What is done with experiments: applied, kept as branches, named, written about,
removed, saved.
"""

import pytest

from tests.support.experiments import (
    ran,
    refused,
    shown,
    standing,
    states,
    training,
    untouched,
)
from tests.support.workspace import Workspace


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    """Two experiments that are done, on a workspace without changes."""
    training(ws)
    ws.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    return ws


def test_an_applied_experiment_is_what_the_workspace_has(trained: Workspace) -> None:
    before = standing(trained)
    trained.mltrack("exp", "apply", "t-2")
    assert trained.read("model") == "HELLO\n0.2 2\n"
    assert trained.read("metrics.json") == '{"acc": 0.2}\n'
    assert "lr: 0.2" in trained.read("params.yaml")
    after = standing(trained)
    for name in ("own HEAD", "own index", "refs", "own logs/HEAD"):
        assert after[name] == before[name], name
    assert "2 stages: 2 unchanged" in trained.mltrack("repro").said


def test_undo_takes_an_application_back(trained: Workspace) -> None:
    trained.mltrack("repro")
    trained.commit("0.5")
    before = trained.files()
    trained.mltrack("exp", "apply", "t-2")
    assert trained.files() != before
    trained.mltrack("undo")
    assert trained.files() == before


def test_apply_refuses_to_replace_what_no_commit_has(trained: Workspace) -> None:
    trained.write("params.yaml", "lr: 0.7\ndepth: 2 # mine\n")
    refused(trained, "apply", "t-2", words="params.yaml", hint="--force", code=1)
    trained.mltrack("exp", "apply", "t-2", "--force")
    trained.mltrack("undo")
    assert trained.read("params.yaml") == "lr: 0.7\ndepth: 2 # mine\n"


def test_apply_refuses_to_replace_an_output_that_is_nowhere_else(
    trained: Workspace,
) -> None:
    trained.write("model", "made by hand\n")
    refused(trained, "apply", "t-2", words="model", code=1)


def test_one_experiment_is_applied_after_another(trained: Workspace) -> None:
    for name, lr in (("t-1", "0.1"), ("t-2", "0.2"), ("t-1", "0.1")):
        trained.mltrack("exp", "apply", name)
        assert trained.read("model") == f"HELLO\n{lr} 2\n"


def test_comments_in_params_files_survive(trained: Workspace) -> None:
    trained.write(
        "params.yaml", "# rates\nlr: 0.5  # slow\nmore: [1, {depth: 2}] # ü\ndepth: 2\n"
    )
    trained.mltrack("exp", "run", "-n", "c", "-S", "lr=0.3", "-S", "depth=3")
    trained.mltrack("exp", "apply", "c")
    assert (
        trained.read("params.yaml")
        == "# rates\nlr: 0.3  # slow\nmore: [1, {depth: 2}] # ü\ndepth: 3\n"
    )
    assert "2 stages: 2 unchanged" in trained.mltrack("repro").said


def test_a_branch_of_an_experiment_is_checked_out(trained: Workspace) -> None:
    with_branch = trained.mltrack("exp", "branch", "t-2", "try-it")
    assert "git switch try-it" in with_branch.said
    trained.git("switch", "--quiet", "try-it")
    trained.mltrack("checkout")
    assert trained.read("model") == "HELLO\n0.2 2\n"
    assert "2 stages: 2 unchanged" in trained.mltrack("repro").said
    trained.git("switch", "--quiet", "main")
    for name, words in (("try-it", "already"), ("a..b", "no name"), ("-x", "")):
        done = trained.mltrack("exp", "branch", "t-2", name, code=2)
        assert words in done.err


def test_names_notes_and_tags(trained: Workspace) -> None:
    with untouched(trained):
        trained.mltrack("exp", "rename", "t-1", "baseline")
        trained.mltrack("exp", "note", "baseline", 'größer: "quoted"\nand long')
        trained.mltrack("exp", "tag", "baseline", "good", "slow")
        trained.mltrack("exp", "tag", "baseline", "--", "-slow")
    row = shown(trained)["baseline"]
    assert row["note"] == 'größer: "quoted"\nand long' and row["tags"] == ["good"]
    assert set(states(trained)) == {"baseline", "t-2"}
    for new, words in (("t-2", "already"), ("a b", "valid name"), ("", "empty")):
        refused(trained, "rename", "baseline", new, words=words, code=2)
    refused(trained, "rename", "nobody", "x", words="no experiment", code=2)
    nothing = trained.mltrack("exp", "rename", "baseline", "baseline", code=None)
    assert nothing.code in (0, 2) and "baseline" in states(trained)


def test_what_was_removed_can_be_brought_back(trained: Workspace) -> None:
    commit = shown(trained)["t-1"]["commit"]
    with untouched(trained):
        said = trained.mltrack("exp", "remove", "t-1").said
    assert list(states(trained)) == ["t-2"]
    _, _, rest = said.partition("; ")
    trained.run(["sh", "-c", rest.replace(" brings it back", "")])
    assert shown(trained)["t-1"]["commit"] == commit


def test_remove_of_one_that_is_none_removes_nothing(trained: Workspace) -> None:
    refused(trained, "remove", "t-1", "nobody", words="nobody", code=2)


def test_a_workspace_is_saved_as_it_stands(trained: Workspace) -> None:
    trained.write("params.yaml", "lr: 0.4\ndepth: 2\n")
    trained.mltrack("repro")
    trained.write("new.txt", "new\n")
    with untouched(trained):
        trained.mltrack("exp", "save", "-n", "mine", "--note", "by hand")
    row = shown(trained)["mine"]
    assert row["metrics"]["metrics.json"]["acc"] == 0.4 and row["note"] == "by hand"
    assert row["given"] == {"params.yaml": {"lr": 0.4}}
    trained.git("clean", "-fdq", "-e", ".mltrack")
    trained.git("checkout", "--quiet", "--", ".")
    before = ran(trained)
    trained.mltrack("exp", "apply", "mine")
    assert trained.read("new.txt") == "new\n"
    trained.mltrack("repro")
    assert ran(trained) == before
    refused(trained, "save", "-n", "mine", words="already", code=2)


def test_an_output_that_no_stage_wrote_is_told_when_it_is_saved(
    trained: Workspace,
) -> None:
    trained.mltrack("repro")
    trained.write("model", "by hand\n")
    said = trained.mltrack("exp", "save", "-n", "mine").said
    assert "model is not what its stage last wrote" in said


def test_logs_of_what_went_well_and_of_what_did_not(trained: Workspace) -> None:
    trained.write("code/train.sh", "echo training $1; exit 3\n")
    trained.mltrack("exp", "run", "-n", "bad", "-S", "lr=0.9", code=8)
    assert "training 0.9" in trained.mltrack("exp", "logs", "bad").said
    trained.write(
        "code/train.sh", "echo training $1; echo > model; echo '{}' > metrics.json\n"
    )
    trained.mltrack("exp", "run", "-n", "good", "-S", "lr=0.9")
    assert trained.mltrack("exp", "logs", "good", "train").out == "training 0.9\n"
    refused(trained, "logs", "good", "nothing", words="no stage 'nothing'", code=2)
