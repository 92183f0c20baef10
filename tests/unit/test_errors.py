"""What an error says to do where a library is missing."""

import sys
from pathlib import Path

import pytest

from mltrack import errors
from mltrack.errors import how_to_add


@pytest.mark.parametrize(
    "left, said",
    [
        ("", f"{sys.executable} -m pip install s3fs"),
        ("uv-receipt.toml", f"uv pip install --python {sys.executable} s3fs"),
        ("pipx_metadata.json", "pipx inject mltrack-cli s3fs"),
    ],
)
def test_a_library_is_added_where_mltrack_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: str, said: str
) -> None:
    if left:
        (tmp_path / left).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(errors, "_has_pip", lambda: True)
    assert how_to_add("s3fs") == said


def test_an_environment_without_pip_is_one_of_uv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(errors, "_has_pip", lambda: False)
    assert how_to_add("x") == f"uv pip install --python {sys.executable} x"
