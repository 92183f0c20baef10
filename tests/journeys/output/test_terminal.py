"""What is printed is safe for a terminal, and a pipe that closes ends quietly."""

from tests.support.workspace import Workspace


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
