"""Settings are set, shown with their origin, and removed; what may not stand in the
committed config is refused.
"""

import shutil
from pathlib import Path

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


def test_the_shell_is_not_chosen_by_the_committed_config(ws: Workspace) -> None:
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\nshell = "/tmp/evil"\n')
    assert "core.shell" in ws.mltrack("status", code=1).err


def test_a_committed_config_cannot_name_places_or_be_a_link(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\n[cache]\ndir = "/etc"\n')
    assert "is not allowed in the committed config" in ws.mltrack("status", code=1).err
    ws.write(".mltrack/config.toml", "[core\n")
    assert "not valid TOML" in ws.mltrack("status", code=1).err
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\nnosuch = 1\n')
    assert "core.nosuch" in ws.mltrack("status", code=1).err
    shutil.move(ws.path / ".mltrack", tmp_path / "moved")
    (ws.path / ".mltrack").symlink_to(tmp_path / "moved")
    assert "symbolic link" in ws.mltrack("status", code=1).err
