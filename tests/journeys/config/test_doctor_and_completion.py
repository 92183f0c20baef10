"""doctor names what is missing and what to do; completion completes commands and
options.
"""

from pathlib import Path

from tests.support.workspace import Workspace


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


def test_doctor_says_outside_of_any_project_what_it_can(
    ws: Workspace, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    done = ws.mltrack("doctor", "--json", cwd=outside)
    checks = {check["name"]: check for check in done.json["checks"]}
    assert checks["mltrack"]["state"] == checks["git"]["state"] == "ok"
    assert "none of your own" in checks["settings"]["detail"]
    assert "s3://" in checks["extras"]["detail"]
    assert checks["project"]["hint"] == "git init && mltrack init"
    assert "no directory" in ws.mltrack("-C", "nowhere", "doctor", code=2).err


def test_doctor_outside_of_a_project_names_a_broken_config_of_the_user(
    ws: Workspace, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    ws.mltrack("config", "--user", "cache.dir", str(tmp_path / "big"), cwd=outside)
    assert f"cache: {tmp_path / 'big'}" in ws.mltrack("doctor", cwd=outside).out
    place = tmp_path / "home/config/mltrack/config.toml"
    place.write_text("cache = [\n")
    done = ws.mltrack("doctor", "--json", cwd=outside, code=1)
    checks = {check["name"]: check for check in done.json["checks"]}
    assert checks["settings"]["state"] == "bad"
    assert "not valid TOML" in checks["settings"]["detail"]


def test_settings_of_the_user_are_set_shown_and_removed_outside_of_a_project(
    ws: Workspace, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    ws.mltrack("config", "--user", "core.jobs", "3", cwd=outside)
    assert ws.mltrack("config", "core.jobs", cwd=outside).out == "3\n"
    assert ws.mltrack("config", "--user", "core.jobs", cwd=outside).out == "3\n"
    assert ws.mltrack("config", "core.jobs").out == "3\n"
    ws.mltrack("config", "--user", "--unset", "core.jobs", cwd=outside)
    assert ws.mltrack("config", "core.jobs", cwd=outside).out != "3\n"
    refused = ws.mltrack("config", "core.jobs", "2", cwd=outside, code=1)
    assert "not in a git repository" in refused.err
