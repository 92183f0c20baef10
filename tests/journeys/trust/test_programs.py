"""Looking starts no program that a clone or an archive brings, and no revision becomes
an option of git.
"""

from pathlib import Path

from tests.support.workspace import Workspace


def test_looking_starts_no_program_that_an_archive_brings(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "ssh").write_text(f"Host *\n  ProxyCommand touch {tmp_path}/pwned\n")
    ws.write(
        ".mltrack/config.local.toml",
        f'[remote.ssh]\nurl = "sftp://h/x"\nssh_config = "{tmp_path}/ssh"\n'
        f'[runner.evil]\ntype = "ssh"\nhosts = ["h"]\nssh_config = "{tmp_path}/ssh"\n',
    )
    looking = (
        "status",
        "doctor",
        "job list",
        "runner check evil",
        "status -r ssh",
        "pull -r ssh",
        "dag",
        "diff",
    )
    for command in looking:
        ws.mltrack(*command.split(), code=None)
        assert not (tmp_path / "pwned").exists(), command


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


def test_revisions_never_become_options_of_git(ws: Workspace) -> None:
    for revision in ("--output=x", "--upload-pack=x", "HEAD;id"):
        assert ws.mltrack("diff", "--", revision, code=1).err.startswith(
            "error: there is no revision"
        )
    assert not ws.exists("x")
