"""Mistakes, damage and hostile files: one clear error with path and hint, the right
exit code, nothing changed.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Done, Workspace


def refused(
    ws: Workspace, *arguments: str, code: int = 1, says: str = "", hint: str = "hint:"
) -> Done:
    """Runs a command that must fail: with this code, these words, and without changing
    any file.
    """
    before = ws.files()
    done = ws.mltrack(*arguments, code=code)
    assert done.err.startswith("error: ") and says in done.err and hint in done.err, (
        done.err
    )
    assert done.err.count("error: ") == 1
    assert ws.files() == before
    return done


def test_outside_a_repository_and_outside_a_project(
    bare: Workspace, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere", bare.environment)
    elsewhere.path.mkdir()
    refused(elsewhere, "status", says="not in a git repository", hint="hint: git init")
    refused(elsewhere, "init", says="not in a git repository", hint="hint: git init")
    refused(bare, "status", says="not in an mltrack project", hint="hint: mltrack init")


def test_unknown_commands_targets_and_options(ws: Workspace) -> None:
    refused(ws, "statsu", code=2, says="statsu", hint="mltrack status")
    refused(ws, "add", "nosuch", code=2, says="nosuch", hint="")
    refused(ws, "checkout", "nosuch", code=2, says="nosuch")
    refused(ws, "push", code=2, says="no remote")
    refused(ws, "add", "../outside", code=2, says="outside the project", hint="")
    refused(ws, "diff", "nosuchrev", says="nosuchrev")
    refused(ws, "config", "core.remot", says="core.remot", hint="core.remote")
    assert ws.mltrack("status", "--nosuch", code=2).err
    assert ws.mltrack("-C", "nowhere", "status", code=2).err


def test_revisions_never_become_options_of_git(ws: Workspace) -> None:
    for revision in ("--output=x", "--upload-pack=x", "HEAD;id"):
        assert ws.mltrack("diff", "--", revision, code=1).err.startswith(
            "error: there is no revision"
        )
    assert not ws.exists("x")


def test_a_file_that_git_tracks_is_not_added_and_the_way_over_is_shown(
    ws: Workspace,
) -> None:
    ws.write("data/a", "x")
    ws.commit()
    refused(
        ws,
        "add",
        "data",
        says="tracked by git (data/a)",
        hint="git rm -r --cached data && mltrack add data",
    )
    ws.git("rm", "-r", "--quiet", "--cached", "data")
    ws.mltrack("add", "data")


def test_overlapping_targets_are_refused(ws: Workspace) -> None:
    ws.write("data/sub/a", "x")
    ws.mltrack("add", "data/sub")
    refused(ws, "add", "data", says="overlap")
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: x\n    outs: [data/sub/o]\n")
    refused(ws, "repro", says="overlap")


def test_links_and_special_files_are_refused_by_name(ws: Workspace) -> None:
    ws.write("data/a", "x")
    os.mkfifo(ws.path / "data/pipe")
    (ws.path / "data/out").symlink_to("../../secret")
    (ws.path / "data/abs").symlink_to("/etc/passwd")
    said = ws.mltrack("add", "data", code=1).err
    assert (
        "data/pipe" in said
        and "data/out" in said
        and "data/abs" in said
        and not ws.exists("data.mlt")
    )
    (ws.path / "link").symlink_to("data/a")
    assert "symbolic link" in ws.mltrack("add", "link", code=1).err
    (ws.path / "way").symlink_to("data")
    assert "symbolic link" in ws.mltrack("add", "way/a", code=1).err


def test_a_repository_inside_tracked_data_is_refused(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.write("data/inner/.git/config", "x")
    assert "data/inner/.git" in ws.mltrack("add", "data", code=1).err


BROKEN_POINTERS = {
    "empty": b"",
    "binary": b"\0\1\2",
    "truncated": b"mltrack: 1\npath: data\n",
    "CRLF": b"mltrack: 1\r\npath: data\r\n",
    "unknown text": b"hello\n",
    "duplicate key": b"mltrack: 1\nmltrack: 1\n",
    "newer": b"mltrack: 2\npath: data\n",
    "absolute": b"mltrack: 1\npath: /etc/passwd\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "parent": b"mltrack: 1\npath: ../x\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "git": b"mltrack: 1\npath: .git\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 32),
    "digest": b"mltrack: 1\npath: data\ndigest: xxh3:../../x\nkind: file\nsize: 1\n",
    "upper case": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: 1\n"
    % (b"A" * 32),
    "negative": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: -1\n"
    % (b"0" * 32),
    "huge": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: file\nsize: 99999999999999999999\n"
    % (b"0" * 32),
    "kind": b"mltrack: 1\npath: data\ndigest: xxh3:%s\nkind: fifo\nsize: 1\n"
    % (b"0" * 32),
    "other algorithm": b"mltrack: 1\npath: data\ndigest: blake3:%s\nkind: file\nsize: 1\n"
    % (b"0" * 64),
    "conflict": b"mltrack: 1\npath: data\n<<<<<<< HEAD\n=======\n>>>>>>> x\n",
}


@pytest.mark.parametrize("name", BROKEN_POINTERS)
def test_a_broken_pointer_is_named_and_nothing_is_done(
    name: str, shared: Workspace
) -> None:
    ws = shared
    ws.write("data.mlt", BROKEN_POINTERS[name])
    for command in ("status", "checkout", "push"):
        before = ws.files()
        done = ws.mltrack(command, code=3)
        assert "data.mlt" in done.err and "Nothing changed" not in done.out, done.said
        assert ws.files() == before


def test_a_pointer_that_is_a_link_or_a_pipe_is_refused_without_hanging(
    ws: Workspace,
) -> None:
    (ws.path / "a.mlt").symlink_to("/etc/passwd")
    assert "a.mlt" in ws.mltrack("status", code=3).err
    (ws.path / "a.mlt").unlink()
    ws.write("a.mlt", "x")
    ws.commit()
    (ws.path / "a.mlt").unlink()
    os.mkfifo(ws.path / "a.mlt")
    assert "a.mlt" in ws.mltrack("status", code=3).err


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
        "mltrack.yaml:4:5: the key 'cmd' stands here twice",
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


def test_a_missing_object_is_named_with_the_command_that_gets_it(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    shutil.rmtree(ws.path / ".mltrack/cache")
    shutil.rmtree(ws.path / "data")
    refused(ws, "checkout", says="xxh3:", hint="hint: mltrack pull")
    ws.mltrack("add", "data", code=2)


def hostile_tree(ws: Workspace, lines: str) -> None:
    """Puts a forged tree into the cache, and a pointer to it."""
    from mltrack.formats import pointer
    from mltrack.objects.content import Content
    from mltrack.objects.digest import XXH3
    from mltrack.store.local.cache import Cache
    from mltrack.store.local.writer import CacheWriter

    with CacheWriter(Cache(str(ws.path / ".mltrack/cache"), XXH3)) as writer:
        file = writer.put(b"evil")
        link = writer.put(b"../../..")
        tree = writer.put(
            b"mltrack-tree 1\n" + lines.format(file=file, link=link).encode()
        )
        writer.finish()
    ws.write(
        "data.mlt",
        pointer.write(pointer.Pointer("data", Content("tree", tree, 4, 1)), XXH3),
    )


@pytest.mark.parametrize(
    "lines",
    [
        "f {file} 4 ../escape\n",
        "f {file} 4 /tmp/escape\n",
        "f {file} 4 .git\n",
        "f {file} 4 .GIT\n",
        "f {file} 4 .mltrack\n",
        "f {file} 4 a%2fb\n",
        "f {file} 4 b\nf {file} 4 a\n",
        "f {file} 4 a\nf {file} 4 a\n",
        "f {file} 4 a\nx {file} 4 a\n",
        "l {link} 8 out\n",
        "f zz 4 a\n",
        "q {file} 4 a\n",
        "f {file} 4 %41\n",
        "f {file} 4 ..\n",
        "f {file} 4 git~1\n",
    ],
)
def test_a_hostile_tree_writes_nothing(lines: str, ws: Workspace) -> None:
    hostile_tree(ws, lines)
    before = ws.files()
    ws.mltrack("checkout", code=1)
    after = ws.files()
    after.pop("data", None)  # the directory itself may have been made
    assert after == before


def test_checkout_never_goes_through_a_link_on_the_way(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("deep/data/a", "x")
    ws.mltrack("add", "deep/data")
    shutil.rmtree(ws.path / "deep/data")
    outside = tmp_path / "outside"
    outside.mkdir()
    (ws.path / "deep/data").symlink_to(outside)
    ws.mltrack("checkout", code=1)
    assert os.listdir(outside) == []


def test_a_committed_config_cannot_name_places_or_be_a_link(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\n[cache]\ndir = "/etc"\n')
    assert "may not stand in the committed config" in ws.mltrack("status", code=1).err
    ws.write(".mltrack/config.toml", "[core\n")
    assert "not valid TOML" in ws.mltrack("status", code=1).err
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\nnosuch = 1\n')
    assert "core.nosuch" in ws.mltrack("status", code=1).err
    shutil.move(ws.path / ".mltrack", tmp_path / "moved")
    (ws.path / ".mltrack").symlink_to(tmp_path / "moved")
    assert "symbolic link" in ws.mltrack("status", code=1).err


def test_reading_commands_run_nothing_from_a_clone(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("config", "core.fsmonitor", "touch pwned; false")
    ws.git("config", "diff.external", "touch pwned")
    ws.git("config", "core.hooksPath", "hooks")
    ws.write("xxhash.py", "open('pwned', 'w')\n")
    for command in (("status",), ("diff",), ("checkout",), ("gc",), ("ls",)):
        ws.mltrack(*command)
    assert not ws.exists("pwned")


def test_terminal_escapes_in_names_are_shown_as_escapes(ws: Workspace) -> None:
    ws.write("data/a\x1b[31mred", "x")
    ws.mltrack("add", "data")
    assert "\x1b" not in ws.mltrack("ls", "data").out


def test_a_closed_pipe_ends_quietly(ws: Workspace) -> None:
    for number in range(3000):
        ws.write(f"data/{number}", "")
    ws.mltrack("add", "data")
    done = ws.run(["sh", "-c", "python -m mltrack ls -R data | head -n 1"])
    assert done.err == ""


def test_an_unwritable_place_is_named(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.write("blocked", "a file where the cache should be")
    ws.mltrack("config", "--local", "cache.dir", str(ws.path / "blocked/cache"))
    assert "blocked" in ws.mltrack("add", "data", code=1).err
    assert not ws.exists("data.mlt")


# settings


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
