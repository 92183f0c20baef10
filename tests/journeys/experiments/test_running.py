"""``exp run``: what runs, what it sees, and that the workspace never notices."""

import shutil
from pathlib import Path

import pytest

from tests.support.experiments import (
    SCRIPT,
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


def nothing_runs_once_applied(ws: Workspace, name: str) -> None:
    """The run keys of experiments are those of repro."""
    ws.mltrack("exp", "apply", name)
    before = ran(ws)
    said = ws.mltrack("repro").said
    assert ran(ws) == before and " ran" not in said, said


def test_a_sweep_runs_each_combination_beside_the_workspace(trained: Workspace) -> None:
    trained.write("untracked.txt", "new")
    trained.write("in.txt", "changed\n")
    trained.git("stash", "push", "--quiet", "--include-untracked")
    trained.write("in.txt", "changed again\n")
    trained.git("add", "in.txt")
    with untouched(trained):
        trained.mltrack("exp", "run", "-S", "lr=0.1,0.2", "-S", "depth=1,2", "-j", "2")
    assert sorted(ran(trained)) == ["0.1 1", "0.1 2", "0.2 1", "0.2 2"]
    rows = shown(trained)
    assert {row["state"] for row in rows.values()} == {"done"}
    assert sorted(
        (row["params"]["params.yaml"]["lr"], row["metrics"]["metrics.json"]["acc"])
        for row in rows.values()
    ) == [(0.1, 0.1), (0.1, 0.1), (0.2, 0.2), (0.2, 0.2)]
    # the stage above them ran once, for all
    hows = sorted(row["stages"]["prep"]["how"] for row in rows.values())
    assert hows == ["ran", "restored", "restored", "restored"]


def test_what_the_workspace_changed_is_what_experiments_read(
    trained: Workspace,
) -> None:
    trained.write("code/train.sh", SCRIPT + "cat code/more.txt >> model\n")
    trained.write("code/more.txt", "more\n")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")
    assert trained.read("model") == "HELLO\n0.1 2\nmore\n"


def test_an_experiment_equals_a_repro_with_its_params(trained: Workspace) -> None:
    trained.mltrack("repro", "-S", "lr=0.1")
    trained.git("checkout", "--quiet", "--", ".")
    assert ran(trained) == ["0.1 2"]
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    assert ran(trained) == ["0.1 2"]


def test_one_that_fails_stops_nobody(trained: Workspace) -> None:
    trained.write("code/train.sh", '[ "$1" != 0.2 ] || exit 3\n' + SCRIPT)
    with untouched(trained):
        done = trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2,0.3", code=8)
    assert states(trained) == {"t-1": "done", "t-2": "failed", "t-3": "done"}
    assert "exit code 3" in shown(trained)["t-2"]["reason"]
    assert "mltrack exp logs t-2" in done.err


def test_a_failed_one_is_started_again_by_name(trained: Workspace) -> None:
    flag = trained.path.parent / "go"
    trained.write("code/train.sh", f"test -e {flag} || exit 3\n" + SCRIPT)
    trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1", code=8)
    flag.touch()
    with untouched(trained):
        trained.mltrack("exp", "start", "t")
    assert states(trained) == {"t": "done"}


def test_two_sweeps_that_overlap_run_equal_work_once(trained: Workspace) -> None:
    trained.mltrack("exp", "run", "-S", "lr=0.1,0.2")
    trained.mltrack("exp", "run", "-S", "lr=0.2,0.3")
    assert sorted(ran(trained)) == ["0.1 2", "0.2 2", "0.3 2"]
    assert len(shown(trained)) == 4


def test_a_dry_run_notes_and_runs_nothing(trained: Workspace) -> None:
    with untouched(trained):
        found = trained.mltrack(
            "exp", "run", "--dry-run", "--json", "-S", "lr=0.1,0.2"
        ).json
    assert (found["experiments"], found["run"], found["shared"]) == (2, 3, 1)
    assert shown(trained) == {} and ran(trained) == []


def test_an_experiment_goes_on_from_another(trained: Workspace) -> None:
    trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    trained.write("in.txt", "the workspace is elsewhere by now\n")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "two", "--from", "one", "-S", "depth=5")
    row = shown(trained)["two"]
    assert row["params"]["params.yaml"] == {"lr": 0.1, "depth": 5}
    assert row["source"] == "one" and row["base"] == shown(trained)["one"]["base"]


def test_only_the_stages_that_are_asked_for_run(trained: Workspace) -> None:
    trained.write("params.yaml", "lr: 0.5\ndepth: 2\nword: x\n")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "prep")
    assert ran(trained) == [] and list(shown(trained)["one"]["stages"]) == ["prep"]


# where the project lies


def test_a_project_in_a_subdirectory(bare: Workspace) -> None:
    outer = bare.path
    (outer / "sub dir").mkdir()
    bare.write("outside.txt", "of the repository\n")
    bare.path = outer / "sub dir"
    bare.mltrack("init")
    training(bare)
    whole = Workspace(outer, bare.environment)
    with untouched(whole):
        bare.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    tree = bare.git(
        "ls-tree", "-r", "--name-only", "--full-tree", "refs/mltrack/exps/t-1"
    )
    assert "sub dir/mltrack.lock" in tree.out and "sub dir/metrics.json" in tree.out
    diff = bare.mltrack("exp", "diff", "t-1", "t-2").out
    # said by value and by file, not a second time as a patch
    assert "diff --git" not in diff, diff
    nothing_runs_once_applied(bare, "t-1")
    assert bare.read("model") == "HELLO\n0.1 2\n"
    assert not (outer / "model").exists() and not (outer / "params.yaml").exists()


def test_a_linked_worktree(trained: Workspace, tmp_path: Path) -> None:
    trained.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = Workspace(tmp_path / "side", trained.environment)
    side.write("in.txt", "of the side\n")
    with untouched(trained), untouched(side):
        side.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    assert states(trained) == {"one": "done"}
    nothing_runs_once_applied(side, "one")
    assert side.read("model") == "OF THE SIDE\n0.1 2\n"


def test_a_worktree_of_a_bare_repository(trained: Workspace, tmp_path: Path) -> None:
    trained.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    Workspace(tmp_path / "bare.git", trained.environment).git(
        "worktree", "add", "--quiet", str(tmp_path / "tree"), "main"
    )
    tree = Workspace(tmp_path / "tree", trained.environment)
    tree.mltrack("init")
    with untouched(tree):
        tree.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(tree, "one")


def test_a_shallow_clone(trained: Workspace, tmp_path: Path) -> None:
    trained.commit("more")
    trained.git(
        "clone", "-q", "--depth", "1", f"file://{trained.path}", str(tmp_path / "c")
    )
    clone = Workspace(tmp_path / "c", trained.environment)
    clone.mltrack("init")
    with untouched(clone):
        clone.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(clone, "one")


@pytest.mark.parametrize("partial", [(), ("--filter=blob:none",)])
def test_a_sparse_clone(
    partial: tuple[str, ...], trained: Workspace, tmp_path: Path
) -> None:
    trained.write("elsewhere/large.txt", "not wanted here\n")
    trained.commit("more")
    trained.git("config", "uploadpack.allowFilter", "true")
    trained.git("config", "uploadpack.allowAnySHA1InWant", "true")
    trained.git(
        "clone",
        "-q",
        "--sparse",
        *partial,
        f"file://{trained.path}",
        str(tmp_path / "c"),
    )
    clone = Workspace(tmp_path / "c", trained.environment)
    clone.git("sparse-checkout", "set", "code", ".mltrack")
    assert not clone.exists("elsewhere")
    clone.mltrack("init")
    clone.write("in.txt", "changed\n")
    with untouched(clone):
        clone.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    tree = clone.git("ls-tree", "-r", "--name-only", "refs/mltrack/exps/one").out
    assert "elsewhere/large.txt" in tree
    nothing_runs_once_applied(clone, "one")
    assert clone.read("model") == "CHANGED\n0.1 2\n"


def test_a_repository_of_sha256(bare: Workspace) -> None:
    shutil.rmtree(bare.path / ".git")
    bare.git("init", "--quiet", "--object-format=sha256")
    bare.mltrack("init")
    training(bare)
    bare.write("in.txt", "changed\n")
    with untouched(bare):
        bare.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    assert len(shown(bare)["one"]["commit"]) == 64
    bare.mltrack("exp", "note", "one", "a note")
    nothing_runs_once_applied(bare, "one")


def test_a_submodule_beside_the_code(trained: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "library", trained.environment)
    other.path.mkdir()
    other.git("init", "--quiet")
    other.write("lib.sh", "echo from the library\n")
    other.commit()
    trained.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(other.path),
        "lib",
    )
    trained.commit("library")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")


def test_a_stage_that_reads_a_submodule_is_told(
    trained: Workspace, tmp_path: Path
) -> None:
    other = Workspace(tmp_path / "library", trained.environment)
    other.path.mkdir()
    other.git("init", "--quiet")
    other.write("lib.sh", "echo from the library\n")
    other.commit()
    trained.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(other.path),
        "lib",
    )
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: sh lib/lib.sh > o\n    deps: [lib]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.commit("library")
    refused(
        trained,
        "run",
        "-S",
        "lr=0.1",
        words="'lib', which is a submodule's",
        hint="mltrack repro",
        code=2,
    )


# what stages are


def test_names_of_every_kind(trained: Workspace) -> None:
    raw = b"code/byte-\xff.txt"
    with open(bytes(trained.path) + b"/" + raw, "wb") as file:
        file.write(b"1\n")
    trained.write("code/a \"quoted\" 'name'.txt", "2\n")
    trained.write("code/new\nline.txt", "3\n")
    trained.write("code/-dash.txt", "4\n")
    trained.write("code/:(top)x.txt", "5\n")
    trained.write("code/train.sh", SCRIPT + "cat code/*.txt >> model\n")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")
    assert trained.read("model").count("\n") == 7


def test_links_and_executables_among_code(trained: Workspace) -> None:
    trained.write("code/tool", "#!/bin/sh\necho tool\n").chmod(0o755)
    (trained.path / "code/alias").symlink_to("tool")
    (trained.path / "code/inner").mkdir()
    (trained.path / "code/inner/up").symlink_to("../tool")
    trained.write(
        "code/train.sh",
        SCRIPT + "code/tool >> model; code/alias >> model; code/inner/up >> model\n",
    )
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")
    assert trained.read("model").count("tool") == 3


def test_applied_files_keep_their_kind(trained: Workspace) -> None:
    trained.commit("before", tag="before")
    trained.write("code/tool", "#!/bin/sh\necho tool\n").chmod(0o755)
    (trained.path / "code/alias").symlink_to("tool")
    trained.commit("tools")
    trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    trained.git("checkout", "--quiet", "before")
    assert not trained.exists("code/tool")
    nothing_runs_once_applied(trained, "one")
    files = trained.files("code")
    assert files["code/alias"] == "link tool"
    assert files["code/tool"].startswith("exec ")


def test_a_stage_with_a_directory_of_its_own(trained: Workspace) -> None:
    trained.write("steps/run.sh", "cat ../in.txt > out.txt; echo $1 >> out.txt\n")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    wdir: steps\n    cmd: sh run.sh ${lr}\n    deps: [run.sh, ../in.txt]\n"
        "    params: [../params.yaml: [lr]]\n    outs: [out.txt]\nvars: [params.yaml]\n",
    )
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")
    assert trained.read("steps/out.txt") == "hello\n0.1\n"


def test_a_directory_of_which_git_keeps_one_part_and_mltrack_another(
    trained: Workspace,
) -> None:
    trained.write("data/raw/a.bin", b"\0" * 100_000)
    trained.write("data/raw/deep/b.bin", b"\1" * 100_000)
    trained.write("data/README", "about\n")
    trained.mltrack("add", "data/raw")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: (cat data/README; find data -type f | sort | wc -l; echo ${lr}) > o\n"
        "    deps: [data]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.commit("data")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    trained.mltrack("exp", "apply", "one")
    in_experiment = trained.read("o")
    assert "unchanged" in trained.mltrack("repro").said
    assert trained.read("o") == in_experiment


def test_a_metric_that_git_keeps_in_a_directory_with_code(trained: Workspace) -> None:
    trained.write(
        "code/train.sh", SCRIPT.replace("> metrics.json", "> code/metrics.json")
    )
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp in.txt prep.txt; sh code/train.sh ${lr} ${depth}\n    deps: [code/train.sh, in.txt]\n"
        "    params: [lr, depth]\n    outs: [model]\n    metrics: [{code/metrics.json: {cache: false}}]\n",
    )
    trained.mltrack("repro")
    trained.commit("with a metric")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    assert [
        row["metrics"]["code/metrics.json"]["acc"] for row in shown(trained).values()
    ] == [0.1, 0.2]
    kept = trained.git("show", "refs/mltrack/exps/t-2:code/metrics.json").out
    assert kept == '{"acc": 0.2}\n'
    nothing_runs_once_applied(trained, "t-2")


def test_outputs_that_persist(trained: Workspace) -> None:
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo ${lr} >> log\n    params: [lr]\n    outs: [{log: {persist: true}}]\n",
    )
    trained.mltrack("repro")
    trained.commit("log")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    trained.mltrack("exp", "apply", "t-1")
    assert trained.read("log") == "0.5\n0.1\n"
    trained.mltrack("exp", "apply", "t-2")
    assert trained.read("log") == "0.5\n0.2\n"


def test_frozen_stages_and_such_as_always_change(trained: Workspace) -> None:
    trained.write(
        "mltrack.yaml",
        "stages:\n  f:\n    cmd: cat in.txt > f; echo ${lr} >> f\n    deps: [in.txt]\n    params: [lr]\n    outs: [f]\n"
        '  a:\n    cmd: echo a >> "$RAN"; echo 1 > a\n    always_changed: true\n    outs: [a]\n'
        "  n:\n    cmd: cat f a > n\n    deps: [f, a]\n    outs: [n]\n",
    )
    trained.mltrack("repro")
    trained.write(
        "mltrack.yaml",
        trained.read("mltrack.yaml").replace(
            "    outs: [f]", "    outs: [f]\n    frozen: true"
        ),
    )
    trained.write("in.txt", "changed, and frozen\n")
    trained.commit("frozen")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    assert states(trained) == {"t-1": "done", "t-2": "done"}
    trained.mltrack("exp", "apply", "t-1")
    assert trained.read("n") == "hello\n0.5\n1\n"


def test_stages_without_outputs(trained: Workspace) -> None:
    trained.write(
        "mltrack.yaml",
        'stages:\n  check:\n    cmd: echo check ${lr} >> "$RAN"; test -s in.txt\n    deps: [in.txt]\n    params: [lr]\n',
    )
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    assert sorted(ran(trained)) == ["check 0.1", "check 0.2"]
    nothing_runs_once_applied(trained, "t-1")


def test_pipelines_that_are_templates_in_two_files(trained: Workspace) -> None:
    trained.write("a/params.yaml", "sizes: [1, 2]\nlr: 0.5\n")
    trained.write(
        "a/mltrack.yaml",
        "stages:\n  each:\n    foreach: ${sizes}\n    do:\n      cmd: echo ${item} ${lr} > o${item}\n      outs: ['o${item}']\n",
    )
    trained.write("b/params.yaml", "deep: {x: 1}\n")
    trained.write(
        "b/mltrack.yaml",
        "stages:\n  grid:\n    matrix:\n      m: [p, q]\n      n: [7]\n    cmd: (cat ../a/o1; echo ${item.m} ${item.n} ${deep.x}) > ${item.m}-${item.n}.txt\n"
        "    deps: [../a/o1]\n    outs: ['${item.m}-${item.n}.txt']\n",
    )
    trained.commit("two more")
    with untouched(trained):
        trained.mltrack(
            "exp",
            "run",
            "-n",
            "t",
            "-S",
            "a/params.yaml:lr=0.1,0.2",
            "-S",
            "b/params.yaml:deep.x=3",
        )
    nothing_runs_once_applied(trained, "t-2")
    assert trained.read("b/q-7.txt") == "1 0.2\nq 7 3\n"


def test_a_checkpoint_is_found_by_the_next_attempt(trained: Workspace) -> None:
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: mkdir -p ck; echo step >> ck/at; test $(wc -l < ck/at) = 3 && echo ${lr} > o\n"
        "    params: [lr]\n    outs: [o]\n    checkpoint: ck\n",
    )
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1", code=8)
        trained.mltrack("exp", "start", "t", code=8)
        trained.mltrack("exp", "start", "t")
    # another one begins anew
    trained.mltrack("exp", "run", "-n", "u", "-S", "lr=0.2", code=8)


def test_a_command_that_changes_its_inputs_harms_nobody(trained: Workspace) -> None:
    trained.write("data/big.bin", b"x" * 300_000)
    trained.mltrack("add", "data")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: '[ ${lr} != 0.2 ] || { chmod u+w data/big.bin; echo bad >> data/big.bin; }; tail -c 4 data/big.bin > o'\n"
        "    deps: [data]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.commit("data")
    with untouched(trained):
        done = trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2,0.3", code=8)
    assert states(trained) == {"t-1": "done", "t-2": "failed", "t-3": "done"}
    assert "data/big.bin" in done.err
    trained.mltrack("fsck")
    trained.mltrack("exp", "apply", "t-3")
    assert trained.read("o") == "xxxx"


def test_a_command_that_rewrites_code_harms_nobody(trained: Workspace) -> None:
    trained.write(
        "code/train.sh", SCRIPT + "echo exit 9 >> code/train.sh; echo broken > in.txt\n"
    )
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2", code=None)
    trained.write("code/train.sh", SCRIPT)
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "u", "-S", "lr=0.1,0.2")
    assert states(trained)["u-2"] == "done"


def test_a_file_that_nobody_keeps_is_named_with_what_to_do(trained: Workspace) -> None:
    trained.write(".gitignore", "secret.txt\n")
    trained.write("secret.txt", "ignored\n")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat secret.txt > o\n    deps: [secret.txt]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.commit("ignored")
    refused(
        trained,
        "run",
        "-S",
        "lr=0.1",
        words="'secret.txt', which git ignores",
        hint="mltrack add secret.txt",
        code=2,
    )


def test_what_git_ignores_in_a_directory_of_code_changes_no_run_key(
    trained: Workspace,
) -> None:
    trained.write(".gitignore", "__pycache__/\n*.tmp\n")
    trained.write("code/__pycache__/x.pyc", "compiled\n")
    trained.write("code/scratch.tmp", "scratch\n")
    trained.commit("ignored")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "one", "-S", "lr=0.1")
    nothing_runs_once_applied(trained, "one")


def test_data_that_differs_from_its_pointer_is_named(trained: Workspace) -> None:
    trained.write("data.bin", "one")
    trained.mltrack("add", "data.bin")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data.bin > o\n    deps: [data.bin]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.commit("data")
    trained.write("data.bin", "two")
    refused(
        trained,
        "run",
        "-S",
        "lr=0.1",
        words="'data.bin' differs from its pointer",
        hint="mltrack add data.bin",
        code=2,
    )


def test_params_in_a_directory_that_a_stage_reads(trained: Workspace) -> None:
    trained.write("conf/train.yaml", "lr: 0.5\ndepth: 1\n")
    trained.write("conf/other.txt", "other\n")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat conf/* > o\n    deps: [conf]\n    params: [conf/train.yaml: [lr]]\n    outs: [o]\n",
    )
    trained.commit("conf")
    with untouched(trained):
        trained.mltrack(
            "exp",
            "run",
            "-n",
            "t",
            "-S",
            "conf/train.yaml:lr=0.1,0.2",
            "-S",
            "conf/train.yaml:depth=7",
        )
    assert trained.mltrack("exp", "diff", "t-1", "t-2").out
    nothing_runs_once_applied(trained, "t-2")
    # also what the stage does not name: it reads all of the directory
    assert "lr: 0.2\ndepth: 7\n" in trained.read("o")


def test_params_that_a_stage_reads_as_a_file(trained: Workspace) -> None:
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat params.yaml > o\n    deps: [params.yaml]\n    outs: [o]\n",
    )
    trained.commit("as a file")
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    nothing_runs_once_applied(trained, "t-2")
    assert "0.2" in trained.read("o")


@pytest.mark.parametrize("name", ["p.toml", "p.py"])
def test_params_that_cannot_be_rewritten_are_refused_before_anything_runs(
    name: str, trained: Workspace
) -> None:
    trained.write(name, "lr = 0.5\n")
    trained.write(
        "mltrack.yaml",
        f"stages:\n  s:\n    cmd: cat {name} > o\n    params: [{name}: [lr]]\n    outs: [o]\n",
    )
    trained.commit("other languages")
    said = refused(
        trained, "run", "-S", f"{name}:lr=0.1", words="only YAML and JSON", code=1
    )
    assert "move these params" in said
