"""Lines are cut between words, and never inside what people copy."""

from mltrack.cli.wrapping import wrapped


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
