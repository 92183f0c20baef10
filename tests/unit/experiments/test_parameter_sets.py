"""Files that list what each of several experiments sets."""

import pytest

from mltrack.errors import FormatError, MltrackError, UsageError
from mltrack.experiments.sweep import listed

ROWS = [{"lr": 0.1, "other.yaml:model": "rf"}, {"lr": 1, "other.yaml:model": None}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.yaml",
            "- {lr: 0.1, 'other.yaml:model': rf}\n- lr: 1\n  other.yaml:model:\n",
        ),
        (
            "a.YML",
            '[{lr: 0.1, "other.yaml:model": rf}, {lr: 1, "other.yaml:model": ~}]',
        ),
        (
            "a.json",
            '[{"lr": 0.1, "other.yaml:model": "rf"}, {"lr": 1, "other.yaml:model": null}]',
        ),
        (
            "a.jsonl",
            '{"lr": 0.1, "other.yaml:model": "rf"}\r\n\n{"lr": 1, "other.yaml:model": null}',
        ),
        ("a.csv", "lr, other.yaml:model\r\n0.1,rf\r\n\r\n1,\r\n"),
        ("a.csv", "\ufefflr,other.yaml:model\n0.1,rf\n1,null\n"),
    ],
)
def test_rows_are_read_by_suffix(name: str, text: str) -> None:
    found = listed(text.encode(), name)
    assert found == ROWS and type(found[1]["lr"]) is int


def test_cells_are_values_as_typed() -> None:
    text = 'a,b,c\n"[1, 2]","""7""",true\n'
    assert listed(text.encode(), "a.csv") == [{"a": [1, 2], "b": "7", "c": True}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "lr: 0.1", "a.yaml: must be a list of mappings"),
        ("a.yaml", "", "a.yaml: must be a list of mappings"),
        ("a.yaml", "- lr: 1\n- 2\n", "a.yaml, row 2: must be a mapping"),
        ("a.yaml", "- lr: 1\n- {}\n", "a.yaml, row 2: sets nothing"),
        ("a.yaml", "- lr: 1\n- 'f:': 1\n", "a.yaml, row 2: 'f:' names no param"),
        ("a.yaml", "- [", "a.yaml:"),
        ("a.json", "[]", "a.json: holds no rows"),
        ("a.json", "[{]", "a.json: not valid JSON"),
        ("a.jsonl", '{"a": 1}\n{"a": }', "a.jsonl, line 2: not valid JSON"),
        ("a.jsonl", '{"a": 1}\n\n[]', "a.jsonl, line 3: must be a mapping"),
        ("a.csv", "", "a.csv: holds no rows"),
        ("a.csv", "a,b\n", "a.csv: holds no rows"),
        ("a.csv", "a,b\n1,2\n1\n", "a.csv, line 3: expected 2 values, got 1"),
        ("a.csv", "a,b,a\n1,2,3\n", "a.csv, line 1: the column 'a' appears twice"),
        ("a.csv", "a,\n1,2\n", "a.csv, line 2: '' names no param"),
        ("a.csv", "a\n1\n[1\n", "a.csv, line 3, a"),
        ("a.csv", "a\n" + "x" * 200_000, "a.csv, line 2: field larger"),
    ],
)
def test_a_mistake_names_file_and_row(name: str, text: str, message: str) -> None:
    with pytest.raises(MltrackError) as caught:
        listed(text.encode(), name)
    assert message in caught.value.message


def test_bytes_that_are_no_text_are_refused() -> None:
    for name in ("a.yaml", "a.json", "a.jsonl", "a.csv"):
        with pytest.raises(FormatError, match=name):
            listed(b"a\n\xff", name)


def test_another_suffix_is_refused_with_those_that_are_read() -> None:
    with pytest.raises(UsageError, match=r"a.txt: .*\.yaml.*\.csv"):
        listed(b"", "a.txt")
