"""Mistakes in pipeline files, locks and params are told with their place, and nothing
runs.
"""

from pathlib import Path

import pytest

from tests.support.refusal import refused
from tests.support.workspace import Workspace

PIPELINES = {
    "overlap": (
        "stages:\n  a:\n    cmd: x\n    outs: [o]\n  b:\n    cmd: x\n    outs: [o/p]\n",
        "outputs overlap",
    ),
    "twice": (
        "stages:\n  a:\n    cmd: x\n    outs: [o]\n  b:\n    cmd: x\n    outs: [o]\n",
        "declared twice",
    ),
    "cycle": (
        "stages:\n  a:\n    cmd: x\n    deps: [q]\n    outs: [o]\n  b:\n    cmd: x\n    deps: [o]\n    outs: [q]\n",
        "cycle",
    ),
    "itself": (
        "stages:\n  a:\n    cmd: x\n    deps: [o]\n    outs: [o]\n",
        "its own output",
    ),
    "unknown key": (
        "stages:\n  a:\n    cmd: x\n    dep: [o]\n",
        "mltrack.yaml:4:5: stages.a.dep: unknown key; did you mean 'deps'?",
    ),
    "duplicate key": (
        "stages:\n  a:\n    cmd: x\n    cmd: y\n",
        "mltrack.yaml:4:5: the key 'cmd' appears twice",
    ),
    "tag": ("stages: !!python/object:os.system {}\n", "tag"),
    "not YAML": ("stages: [\n", "not valid YAML"),
    "newer": ("mltrack: 9\nstages: {}\n", "newer mltrack"),
    "escape": ("stages:\n  a:\n    cmd: x\n    outs: [../o]\n", "outside the project"),
    "absolute": (
        "stages:\n  a:\n    cmd: x\n    outs: [/tmp/o]\n",
        "outside the project",
    ),
    "git": (
        "stages:\n  a:\n    cmd: x\n    outs: [.git/hooks/x]\n",
        "git's or mltrack's own",
    ),
    "pattern": ("stages:\n  a:\n    cmd: x\n    outs: ['*.o']\n", "is a pattern"),
    "no command": ("stages:\n  a:\n    outs: [o]\n", "'cmd' is missing"),
    "template": ("stages:\n  a:\n    cmd: ${nope}\n", "there is no 'nope'"),
    "conflict": ("stages:\n<<<<<<< HEAD\n=======\n>>>>>>> x\n", "conflict markers"),
    "bomb": (
        "a: &a [x, x]\n"
        + "".join(
            f"{c}: &{c} [*{chr(ord(c) - 1)}, *{chr(ord(c) - 1)}]\n"
            for c in "bcdefghijklmnopqrstuvwxyz"
        ),
        "",
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_wrong_pipeline_file_is_explained_and_nothing_runs(
    name: str, ws: Workspace
) -> None:
    text, words = PIPELINES[name]
    ws.write("mltrack.yaml", text)
    done = refused(ws, "repro", says=words, hint="")
    assert (
        "mltrack.yaml" in done.err
        or "output" in done.err
        or "cycle" in done.err
        or "depends on its own" in done.err
    )
    ws.mltrack("status", code=1)


def test_all_mistakes_of_a_file_are_told_at_once(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: x\n    dep: [o]\n  b:\n    outs: [../x]\n    frozen: yes\n",
    )
    said = ws.mltrack("repro", code=1).err
    for words in (
        "stages.a.dep",
        "stages.b.cmd",
        "stages.b.outs.0",
        "frozen: must be true or false, not 'yes'",
    ):
        assert words in said or words.replace(".cmd", "") in said


@pytest.mark.parametrize(
    ("name", "data"),
    {
        "empty": b"",
        "not JSON": b"{",
        "duplicate key": b'{"mltrack": 1, "mltrack": 1, "stages": {}}',
        "newer": b'{"mltrack": 2, "stages": {}}',
        "conflict": b"{\n<<<<<<< HEAD\n=======\n>>>>>>> x\n}",
        "path": b'{"mltrack": 1, "stages": {"s": {"cmd": ["x"], "outs": {"../x": {"digest": "xxh3:%s", "kind": "file", "size": 1}}}}}'
        % (b"0" * 32),
        "NaN": b'{"mltrack": 1, "stages": {"s": {"cmd": ["x"], "params": {"p": {"a": NaN}}}}}',
        "deep": b'{"mltrack": 1, "stages": ' + b"[" * 100000,
    }.items(),
)
def test_a_broken_lock_is_named_and_nothing_is_done(
    name: str, data: bytes, ws: Workspace
) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: touch o\n    outs: [o]\n")
    ws.write("mltrack.lock", data)
    refused(ws, "repro", says="mltrack.lock", hint="")


def test_a_missing_params_file_or_key_names_the_nearest(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    params: [train.lr]\n    outs: [o]\n",
    )
    refused(ws, "repro", says="'params.yaml' does not exist")
    ws.write("params.yaml", "train: {lrate: 1}\n")
    refused(ws, "repro", says="no param 'train.lr'", hint="did you mean 'train.lrate'?")


def test_a_missing_dependency_is_named(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    deps: [in]\n    outs: [o]\n",
    )
    refused(ws, "repro", says="'in', which does not exist")


def test_an_output_that_git_tracks_is_refused(ws: Workspace) -> None:
    ws.write("o", "x")
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: touch o\n    outs: [o]\n")
    ws.commit()
    refused(ws, "repro", says="tracked by git", hint="cache: false")


def test_files_of_mltrack_itself_are_no_outputs(ws: Workspace) -> None:
    for name in ("mltrack.lock", "sub/mltrack.yaml", ".gitignore", "data.mlt"):
        ws.write("mltrack.yaml", f"stages:\n  s:\n    cmd: x\n    outs: [{name}]\n")
        assert "is a file that mltrack or git writes" in ws.mltrack("repro", code=1).err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[runner.r]\ntype = "ssh"\nhosts = [1]', "hosts must be a list of texts"),
        ('[runner.r]\ntype = "ssh"\nhosts = ["-oProxy"]', "starts with '-'"),
        ('[runner.r]\ntype = "ssh"\nhosts = ["a\\u001b[0m"]', "control characters"),
    ],
)
def test_items_of_lists_are_looked_at_like_other_settings(
    ws: Workspace, lines: str, said: str
) -> None:
    ws.write(".mltrack/config.toml", f'[core]\nhash = "xxh3"\n{lines}\n')
    assert said in ws.mltrack("status", code=1).err


@pytest.mark.parametrize("text", ["²", "9" * 5000, "-1", ""])
def test_what_is_no_whole_number_is_refused(ws: Workspace, text: str) -> None:
    refused = ws.mltrack("status", code=1, MLTRACK_CORE_JOBS=text).err
    assert "must be a whole number" in refused


def test_a_scheme_in_capitals_is_no_directory(ws: Workspace) -> None:
    refused = ws.mltrack("remote", "add", "store", "S3://bucket/data", code=1).err
    assert "S3://bucket/data" in refused and "s3://" in refused
    assert not ws.exists("S3:")


def test_a_users_config_that_is_a_link_is_followed_and_kept(
    ws: Workspace, tmp_path: Path
) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("[core]\njobs = 3\n")
    place = Path(ws.environment["XDG_CONFIG_HOME"]) / "mltrack"
    place.mkdir(parents=True)
    (place / "config.toml").symlink_to(kept)
    assert ws.mltrack("config", "core.jobs").out.strip() == "3"
    ws.mltrack("remote", "add", "store", "s3://bucket/data")
    assert (place / "config.toml").is_symlink() and "places" in kept.read_text()


@pytest.mark.parametrize("out", ["sub", "sub/deep"])
def test_an_output_that_holds_a_pipeline_file_is_refused(
    ws: Workspace, out: str
) -> None:
    ws.write("sub/deep/mltrack.yaml", "stages: {t: {cmd: touch x, outs: [../../x]}}\n")
    ws.write("mltrack.yaml", f"stages: {{s: {{cmd: x, outs: [{out}]}}}}\n")
    done = ws.mltrack("repro", code=1)
    assert "holds the pipeline file 'sub/deep/mltrack.yaml'" in done.err
    assert ws.exists("sub/deep/mltrack.yaml")
