"""Remotes are added, changed and named; what cannot be one is refused."""

import json
import sys
from pathlib import Path

from tests.support.workspace import Done, Workspace


def test_remotes_are_added_listed_chosen_and_removed(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "one", "../one")
    ws.mltrack("remote", "add", "two", str(tmp_path / "two"))
    listed = ws.mltrack("remote", "list", "--json").json["remotes"]
    assert [(item["name"], item["default"]) for item in listed] == [
        ("one", True),
        ("two", False),
    ]
    assert listed[0]["url"] == "../one"
    ws.mltrack("remote", "default", "two")
    ws.mltrack("remote", "remove", "one")
    assert [
        item["name"] for item in ws.mltrack("remote", "list", "--json").json["remotes"]
    ] == ["two"]
    ws.mltrack("remote", "add", "two", "elsewhere", code=2)
    ws.mltrack("remote", "remove", "nosuch", code=2)


def test_a_remote_named_relative_to_a_subdirectory_means_the_same_from_anywhere(
    ws: Workspace, tmp_path: Path
) -> None:
    (ws.path / "deep").mkdir()
    ws.mltrack("remote", "add", "store", "../../store", cwd=ws.path / "deep")
    ws.write("f", "x")
    ws.mltrack("add", "f")
    ws.mltrack("push", cwd=ws.path / "deep")
    assert (tmp_path / "store" / "mltrack.json").exists()


def test_remotes_are_modified_and_renamed_and_secrets_stay_out_of_git(
    shared: Workspace,
) -> None:
    shared.mltrack("remote", "modify", "store", "jobs", "2")
    shared.mltrack("remote", "modify", "store", "secret_key", "hunter2")
    assert "hunter2" not in shared.read(".mltrack/config.toml")
    assert "hunter2" in shared.read(".mltrack/config.local.toml")
    assert "hunter2" not in shared.mltrack("config").said
    shared.mltrack("remote", "rename", "store", "depot")
    assert json.loads(shared.mltrack("remote", "list", "--json").out)["remotes"][0][
        "default"
    ]
    assert shared.mltrack("config", "remote.depot.jobs").out.strip() == "2"
    shared.mltrack("remote", "modify", "depot", "secret_key", "--unset")
    assert (
        "did you mean 'endpoint'"
        in shared.mltrack("remote", "modify", "depot", "endpoin", "x", code=2).err
    )
    shared.write(
        ".mltrack/config.toml", '[remote.depot]\nurl = "../store"\nsecret_key = "x"\n'
    )
    assert (
        "is not allowed in the committed config" in shared.mltrack("status", code=1).err
    )


def test_a_secret_in_the_committed_config_is_refused_and_not_shown(
    ws: Workspace,
) -> None:
    ws.write(
        ".mltrack/config.toml",
        '[core]\nhash = "xxh3"\n[remote.depot]\nurl = "s3://b/x"\nsecret_key = "hush"\n',
    )
    refused = ws.mltrack("status", code=1)
    assert "hint: mltrack config --local remote.depot.secret_key …" in refused.err
    assert "hush" not in refused.said


def test_addresses_that_cannot_be_remotes_are_refused(ws: Workspace) -> None:
    for url in (
        "nosuch://x",
        "s3://",
        "simplecache::s3://b/x",
        "local:///etc",
        "-s3://x",
        "reference://x",
    ):
        refused = ws.mltrack("remote", "add", "x", "--", url, code=None)
        assert refused.code in (1, 2) and "Traceback" not in refused.said, url
    assert ws.mltrack("remote", "list").out.count("x") <= 1


def test_a_kind_that_was_never_tested_is_named_so(ws: Workspace) -> None:
    assert "never tested" in ws.mltrack("remote", "add", "x", "webhdfs://host/path").err
    assert "never tested" not in ws.mltrack("remote", "add", "y", "s3://bucket/x").err


def without(ws: Workspace, library: str, place: Path, *arguments: str) -> Done:
    """Runs mltrack as if ``library`` were not installed."""
    (place / library).mkdir(parents=True, exist_ok=True)
    (place / library / "__init__.py").write_text(
        f"raise ImportError('No module named {library}')"
    )
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mltrack.__main__ import main; main()"
    return ws.run([sys.executable, "-c", code, str(place), *arguments])


def test_a_missing_library_names_what_to_install(ws: Workspace, tmp_path: Path) -> None:
    ws.mltrack("remote", "add", "cloud", "s3://bucket/x")
    ws.write("data", "x")
    ws.mltrack("add", "data")
    refused = without(ws, "s3fs", tmp_path / "empty", "push")
    assert refused.code == 1 and "-m pip install s3fs\n" in refused.err


def test_a_dependency_whose_library_is_missing_names_what_to_install(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo > o\n    deps: ['s3://b/key']\n    outs: [o]\n",
    )
    refused = without(ws, "s3fs", tmp_path / "empty", "repro")
    assert refused.code == 6 and "-m pip install s3fs\n" in refused.err


def test_what_a_kind_of_fsspec_alone_needs_is_said_by_fsspec(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "box", "dropbox://x")
    ws.write("data", "x")
    ws.mltrack("add", "data")
    refused = without(ws, "dropboxdrivefs", tmp_path / "empty", "push")
    assert refused.code == 1 and '"dropboxdrivefs"' in refused.err
    assert "-m pip install LIBRARY\n" in refused.err


def test_a_remote_inside_the_repository_is_refused_wherever_it_was_named(
    ws: Workspace,
) -> None:
    assert (
        "lies in the git repository"
        in ws.mltrack("remote", "add", "store", "store", code=2).err
    )
    ws.write(
        ".mltrack/config.toml", '[core]\nhash = "xxh3"\n[remote.store]\nurl = "store"\n'
    )
    ws.write("f", "x")
    ws.mltrack("add", "f")
    assert "lies in the git repository" in ws.mltrack("push", code=2).err
