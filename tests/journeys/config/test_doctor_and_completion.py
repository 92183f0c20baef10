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
