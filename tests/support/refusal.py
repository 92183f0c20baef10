"""A command that must fail, and change nothing."""

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
