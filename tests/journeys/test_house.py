"""config, doctor, completion, and a disk that is really full."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def test_settings_are_set_shown_with_their_origin_and_removed(ws: Workspace) -> None:
    ws.mltrack("config", "core.jobs", "8")
    ws.mltrack("config", "--local", "core.jobs", "9")
    assert ws.mltrack("config", "core.jobs").out == "9\n"
    assert "config.local.toml" in ws.mltrack("config", "core.jobs", "--origin").out
    ws.mltrack("config", "--local", "--unset", "core.jobs")
    assert ws.mltrack("config", "core.jobs").out == "8\n"
    assert ws.mltrack("config", "core.jobs", MLTRACK_CORE_JOBS="3").out == "3\n"
    ws.mltrack("config", "--user", "gc.grace_days", "30")
    settings = ws.mltrack("config", "--json").json["settings"]
    assert (
        settings["gc.grace_days"]["level"] == "user"
        and settings["cache.runs_days"]["level"] == "default"
    )


def test_a_wrong_value_changes_nothing(ws: Workspace) -> None:
    before = ws.read(".mltrack/config.toml")
    for arguments in (
        ("core.jobs", "many"),
        ("cache.link", "telepathy"),
        ("core.hash", "blake3"),
        ("cache.dir", "/x"),
        ("core.jobs", "-1"),
    ):
        ws.mltrack("config", "--", *arguments, code=1)
    assert ws.read(".mltrack/config.toml") == before


def test_comments_in_the_config_survive(ws: Workspace) -> None:
    ws.write(".mltrack/config.toml", '# ours\n[core]\nhash = "xxh3"  # fast\n')
    ws.mltrack("config", "core.jobs", "8")
    assert "# ours" in ws.read(".mltrack/config.toml") and "# fast" in ws.read(
        ".mltrack/config.toml"
    )


def test_doctor_names_what_is_missing_and_what_to_do(
    ws: Workspace, tmp_path: Path
) -> None:
    checks = {
        check["name"]: check for check in ws.mltrack("doctor", "--json").json["checks"]
    }
    assert checks["hooks"]["state"] == "ok" and checks["remotes"]["hint"]
    ws.mltrack("remote", "add", "store", str(tmp_path / "nowhere"))
    (ws.path / ".git/hooks/post-checkout").unlink()
    done = ws.mltrack("doctor", "--json", code=1)
    checks = {check["name"]: check for check in done.json["checks"]}
    assert (
        checks["remote store"]["state"] == "bad"
        and checks["hook post-checkout"]["hint"] == "mltrack init"
    )
    assert checks["hook pre-push"]["state"] == "ok"


def test_completion_completes_commands_and_options(ws: Workspace) -> None:
    ask = {
        "_MLTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": "mltrack st",
        "COMP_CWORD": "1",
    }
    assert ws.mltrack(**ask).out.split() == ["status", "stage"]  # type: ignore[arg-type]
    ask = {
        "_MLTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": "mltrack repro --for",
        "COMP_CWORD": "2",
    }
    assert ws.mltrack(**ask).out.split() == ["--force"]  # type: ignore[arg-type]
    for shell in ("bash", "zsh", "fish"):
        assert "_MLTRACK_COMPLETE" in ws.mltrack("completion", shell).out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_under_the_cache_is_told_and_nothing_is_recorded(
    ws: Workspace, small_disk: Path
) -> None:
    ws.mltrack("config", "--local", "cache.dir", str(small_disk / "cache"))
    ws.write("data/small", "x")
    ws.write("data/big", os.urandom(3 << 20))
    before = ws.files()
    done = ws.mltrack("add", "data", code=1)
    assert (
        "No space left" in done.err
        and str(small_disk) in done.err
        and "hint:" in done.err
    )
    assert ws.files() == before
    (ws.path / "data/big").unlink()
    ws.mltrack("add", "data")


def test_a_full_remote_is_told_and_holds_nothing_half(
    ws: Workspace, small_disk: Path
) -> None:
    ws.mltrack("remote", "add", "store", str(small_disk / "store"))
    ws.write("big", os.urandom(3 << 20))
    ws.mltrack("add", "big")
    done = ws.mltrack("push", code=6)
    assert "No space left" in done.err and "hint:" in done.err
    assert not list((small_disk / "store").glob("objects/*/*")) and not list(
        (small_disk / "store").glob("tmp/*")
    )


def test_a_cache_that_cannot_be_written_still_serves_status_and_checkout(
    ws: Workspace,
) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    cache = ws.path / ".mltrack/cache"
    mounted = (
        subprocess.run(
            ["mount", "--bind", str(cache), str(cache)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    if (
        not mounted
        or subprocess.run(
            ["mount", "-o", "remount,bind,ro", str(cache)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("cannot mount a directory read-only here")
    try:
        (ws.path / "data/a").unlink()
        ws.mltrack("status")
        ws.mltrack("checkout")
        assert ws.read("data/a") == "x"
        ws.write("data/a", "new")
        assert "Read-only file system" in ws.mltrack("add", "data", code=1).err
    finally:
        subprocess.run(["umount", "--lazy", str(cache)], check=True)
