"""Results that are tables: dictionaries and lists, data frames, pages of a notebook."""

import json
import sys
from typing import Any

import pytest

import mltrack
from mltrack.api.tables import Records, Values
from mltrack.errors import UsageError
from mltrack.formats.html_table import MOST_ROWS, table
from tests.support.workspace import Workspace

VALUES: dict[str, dict[str, Any]] = {
    "m.json": {"loss": 0.5, "name": "a"},
    "n.json": {"loss": 1, "steps": None},
}


@pytest.fixture
def project(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> mltrack.Project:
    ws.write("data/a", "1\n")
    ws.write("one.bin", "22\n")
    ws.write("params.yaml", "lr: 0.1\nlayers: [1, 2]\n")
    ws.write("mltrack.yaml", "stages:\n  s1: {cmd: echo}\n")
    ws.mltrack("add", "data", "one.bin")
    ws.commit("one")
    monkeypatch.chdir(ws.path)
    return mltrack.Project()


def test_values_are_the_dictionary_that_they_were() -> None:
    values = Values(VALUES)
    assert values == VALUES and isinstance(values, dict)
    assert json.loads(json.dumps(values)) == VALUES


def test_records_are_the_list_that_they_were(project: mltrack.Project) -> None:
    found = project.ls()
    assert isinstance(found, list) and found == list(found)
    assert project.diff("HEAD", "HEAD") == []


def test_values_become_a_frame_of_pandas(project: mltrack.Project) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = Values(VALUES).to_pandas()
    assert list(frame.columns) == ["file", "loss", "name", "steps"]
    assert frame.loss.tolist() == [0.5, 1.0]
    assert pandas.isna(frame.name[1]) and len(Values().to_pandas()) == 0
    assert mltrack.params().to_pandas()["layers[1]"].tolist() == [2]


def test_records_become_a_frame_of_pandas(project: mltrack.Project) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = project.ls().to_pandas()
    assert frame.path.tolist() == ["data", "one.bin"]
    assert frame["content.size"].tolist() == [2, 3]


def test_values_of_all_kinds_become_a_frame_of_polars() -> None:
    pytest.importorskip("polars", reason="polars is not installed")
    frame = Values({**VALUES, "o.json": {"loss": "nan?", "steps": 3}}).to_polars()
    assert frame.columns == ["file", "loss", "name", "steps"]
    # several kinds in one column are texts
    assert frame["loss"].to_list() == ["0.5", "1", "nan?"]
    assert frame["steps"].to_list() == [None, None, 3]
    assert Values().to_polars().height == 0


def test_a_param_may_be_called_as_the_column_of_files() -> None:
    page = Values({"p.yaml": {"file": "x"}})._repr_html_()
    assert "<th>file_</th><th>file</th>" in page


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_lacks_is_named_with_the_way_to_it(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=library) as raised:
        getattr(Values(VALUES), f"to_{library}")()
    assert sys.executable in raised.value.hint and library in raised.value.hint


def test_a_notebook_shows_tables_with_every_text_as_it_is(
    project: mltrack.Project,
) -> None:
    assert "<td>0.1</td>" in project.params()._repr_html_()
    assert "<td>one.bin</td>" in project.ls()._repr_html_()
    assert "<td>data</td><td>clean</td>" in project.status()._repr_html_()
    assert "<script" not in Values({"<script>": {"<b>": "<i>"}})._repr_html_()
    assert "\\udcff" in table(["name"], [["\udcff"]])


def test_a_long_table_is_cut() -> None:
    page = Records(list(VALUES)[:0])._repr_html_()
    assert "<tbody></tbody>" in page
    assert "and 1,000 more" in table(["n"], [[n] for n in range(MOST_ROWS + 1000)])


def test_a_notebook_shows_the_graph_as_a_picture(project: mltrack.Project) -> None:
    page = project.dag()._repr_html_()
    assert page.startswith("<svg") and ">s1</text>" in page
