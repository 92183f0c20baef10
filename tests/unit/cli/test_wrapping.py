"""Lines are cut between words, and never inside what people copy."""

import os
import pty
import subprocess
import sys
import termios

from mltrack.cli.wrapping import wrapped
from mltrack.pipeline.columns import width


def test_lines_end_between_words_and_keep_to_the_width() -> None:
    text = "error: nothing was dropped: some of these objects are in no remote"
    lines = wrapped(text, 24).split("\n")
    assert " ".join(lines) == text and max(map(len, lines)) <= 24
    assert wrapped(text, None) == wrapped(text, 200) == text


def test_commands_and_quoted_names_stay_in_one_piece() -> None:
    text = "hint: `mltrack add data/images` records them; mltrack pull data/images; 'a b' stays"
    lines = wrapped(text, 20).split("\n")
    assert lines == [
        "hint:",
        "`mltrack add data/images`",
        "records them;",
        "mltrack pull data/images;",
        "'a b' stays",
    ]


def test_wide_characters_count_twice_and_quoted_output_stays() -> None:
    assert wrapped("訓練 訓練 訓練", 9) == "訓練 訓練\n訓練"
    assert wrapped("failed\n  | a long line of output", 10) == (
        "failed\n  | a long line of output"
    )


def test_a_note_is_wrapped_on_a_terminal_and_a_command_line_is_not() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    script = (
        "from mltrack.cli.invocation import tell\n"
        "tell('a note of words that is too long for forty columns')\n"
        "tell('For git: git add a-name-that-is-long.mlt another-one.mlt')\n"
    )
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True)
    os.close(theirs)
    lines = os.read(ours, 1000).decode().splitlines()
    os.close(ours)
    assert len(lines) == 3 and width(lines[0]) <= 40
    assert lines[2].startswith("For git: ") and len(lines[2]) > 40


def test_a_terminal_without_a_size_wraps_nothing() -> None:
    ours, theirs = pty.openpty()
    script = "from mltrack.cli.invocation import tell; tell('some words of a note')"
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000).decode().splitlines() == ["some words of a note"]
    os.close(ours)
