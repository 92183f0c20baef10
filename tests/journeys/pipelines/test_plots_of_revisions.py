"""What `plots diff` draws where revisions do not have the same files and columns."""

import html
import json
import re
from typing import Any

import pytest

from tests.support.workspace import Workspace

PIPELINE = """\
stages: {}
metrics: [metrics.json]
plots:
- loss.csv: {x: epoch, y: [loss, f1]}
- last.csv
- new.csv: {x: day}
"""


@pytest.fixture
def changed(ws: Workspace) -> Workspace:
    """A project whose workspace has a column and a file more than v1."""
    ws.write("mltrack.yaml", PIPELINE)
    ws.write("params.yaml", "a_seed: 7\nlr: 0.1\n")
    ws.write("metrics.json", '{"acc": 0.5}')
    ws.write("loss.csv", "epoch,loss\n1,3\n2,2\n")
    ws.write("last.csv", "epoch,loss\n1,3\n")
    ws.commit("The first & <best>", tag="v1")
    ws.write("params.yaml", "a_seed: 7\nlr: 0.2\n")
    ws.write("metrics.json", '{"acc": 0.75}')
    ws.write("loss.csv", "epoch,loss,f1\n1,3,0.5\n2,1,0.6\n")
    ws.write("last.csv", "epoch,loss,f1\n1,3,0.5\n")
    ws.write("new.csv", "day,n\n2026-01-01,4\n2026-01-02,5\n")
    return ws


def plot(ws: Workspace, name: str, *arguments: str) -> dict[str, Any]:
    drawn = ws.mltrack("plots", *arguments, "--json").json["plots"]
    return next(one for one in drawn if one["name"] == name)


def page(ws: Workspace, *arguments: str) -> str:
    ws.mltrack("plots", *arguments)
    return ws.read("plots.html")


def charts(text: str) -> dict[str, Any]:
    """What the page's scripts draw, by plot."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    plots = json.loads(found[1])["plots"]
    return {name.removeprefix("plot-"): one for name, one in plots.items()}


def test_a_column_that_one_revision_lacks_is_drawn_of_the_others(
    changed: Workspace,
) -> None:
    found = plot(changed, "loss.csv", "diff", "v1")
    drawn = {(row["rev"], row["field"]) for row in found["spec"]["data"]["values"]}
    assert drawn == {("v1", "loss"), ("workspace", "loss"), ("workspace", "f1")}
    lack = {"revision": "v1", "file": "loss.csv", "column": "f1", "reason": "absent"}
    assert found["lacks"] == [lack]


def test_what_a_revision_lacks_is_told_here_and_on_the_page(changed: Workspace) -> None:
    done = changed.mltrack("plots", "diff", "v1")
    for said in ("v1: loss.csv has no column 'f1'", "v1 has no new.csv"):
        assert said in done.err and said in html.unescape(changed.read("plots.html"))


def test_an_x_that_one_revision_lacks_leaves_out_that_revision(
    changed: Workspace,
) -> None:
    changed.write("last.csv", "step,loss\n1,3\n")
    changed.write("mltrack.yaml", "stages: {}\nplots: [{last.csv: {x: step}}]\n")
    found = plot(changed, "last.csv", "diff", "v1")
    assert [row["rev"] for row in found["spec"]["data"]["values"]] == ["workspace"]
    assert [lack["column"] for lack in found["lacks"]] == ["step"]


def test_the_column_that_is_drawn_unsaid_is_one_that_all_revisions_have(
    changed: Workspace,
) -> None:
    found = plot(changed, "last.csv", "diff", "v1")
    assert found["spec"]["encoding"]["y"]["field"] == "loss"
    found = plot(changed, "last.csv", "show")
    assert found["spec"]["encoding"]["y"]["field"] == "f1"


def test_a_column_that_no_revision_has_is_a_mistake(changed: Workspace) -> None:
    changed.write("mltrack.yaml", "stages: {}\nplots: [{loss.csv: {y: f2}}]\n")
    said = "loss.csv has no column 'f2'"
    assert said in changed.mltrack("plots", "diff", "v1", code=3).err
    assert said in html.unescape(changed.read("plots.html"))


def test_the_last_revision_says_how_a_plot_is_drawn(changed: Workspace) -> None:
    settings = "{x: epoch, y: loss, title: New}"
    changed.write("mltrack.yaml", f"stages: {{}}\nplots: [{{loss.csv: {settings}}}]\n")
    assert plot(changed, "loss.csv", "diff", "v1")["spec"]["title"] == "New"
    assert plot(changed, "loss.csv", "diff", "", "v1")["spec"]["title"] == "loss.csv"


def test_equal_values_and_single_points_are_drawn(changed: Workspace) -> None:
    changed.write("loss.csv", "epoch,loss,f1\n1,3,3\n2,3,3\n")
    changed.write("new.csv", "day,n\n2026-01-01,4\n")
    drawn = charts(page(changed, "show"))
    assert [one["y"] for one in drawn["loss.csv"]["series"]] == [[3, 3], [3, 3]]
    assert drawn["new.csv"]["series"][0]["y"] == [4]


def test_an_empty_file_is_named_and_its_plot_kept(changed: Workspace) -> None:
    changed.write("new.csv", "day,n\n")
    text = page(changed, "show")
    assert "workspace: new.csv has no rows" in text and 'id="plot-new.csv"' in text


def test_a_plot_that_was_never_written_is_told_as_metrics_are(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages: {}\nplots: [a.csv, b.csv]\n")
    assert "never written: a.csv, b.csv" in ws.mltrack("plots", "show", code=1).err
    assert not ws.exists("plots.html")
    ws.write("b.csv", "x\n1\n")
    assert "never written: a.csv" in ws.mltrack("plots", "show", code=1).err
    assert "workspace has no a.csv" in ws.read("plots.html")


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (["2026-01-01", "2026-01-02"], "date", 1767225600000),
        (["2026-01-01T12:00:00Z", "2026-01-02"], "date", 1767268800000),
        (["3", "4.5"], "number", 3),
        (["cat", "dog"], "text", "cat"),
        (["2026-01-01", "5"], "text", "2026-01-01"),
    ],
)
def test_an_axis_is_of_dates_numbers_or_texts(
    values: list[str], kind: str, first: object, changed: Workspace
) -> None:
    changed.write("new.csv", f"day,n\n{values[0]},4\n{values[1]},5\n")
    drawn = charts(page(changed, "show"))["new.csv"]
    assert drawn["x"] == {"label": "day", "kind": kind}
    assert drawn["series"][0]["x"][0] == first


def test_dates_are_dates_in_the_specification_too(changed: Workspace) -> None:
    found = plot(changed, "new.csv", "show")["spec"]["encoding"]["x"]
    assert (found["type"], found["scale"]) == ("temporal", {"type": "utc"})


def test_the_page_names_the_project_its_revisions_and_their_commits(
    changed: Workspace,
) -> None:
    text = page(changed, "diff", "v1")
    short = changed.git("rev-parse", "--short", "v1").out.strip()
    date = changed.git("show", "-s", "--format=%ci", "v1").out[:16]
    head = text[text.index("<header>") : text.index("</header>")]
    assert f"<title>{changed.path.name}: v1 and workspace</title>" in text
    assert f"<b>v1</b> <code>{short}</code> <time>{date}</time>" in head
    assert "The first &amp; &lt;best&gt;" in head
    assert "<b>workspace</b> <span>files as they were" in head


def test_the_page_of_a_project_without_commits(ws: Workspace) -> None:
    ws.write("a.csv", "x\n1\n")
    ws.write("mltrack.yaml", "stages: {}\nplots: [a.csv]\n")
    ws.git("update-ref", "-d", "HEAD")
    assert "when this page was written</span></li>" in page(ws, "show")


def test_the_page_begins_with_metrics_and_params_and_marks_what_differs(
    changed: Workspace,
) -> None:
    text = page(changed, "diff", "v1")
    table = text[text.index("<table>") : text.index("</table>")]
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    assert re.findall(r"<th[^>]*>(.*?)</th>", rows[1]) == ["acc", "lr", "a_seed"]
    cells = [
        re.findall(r"<t[hd](?: scope=\"row\")?( class=\"differs\")?[^>]*>(.*?)<", row)
        for row in rows[2:]
    ]
    marked = ' class="differs"'
    assert cells == [
        [("", "v1"), (marked, "0.5"), (marked, "0.1"), ("", "7")],
        [("", "workspace"), (marked, "0.75"), (marked, "0.2"), ("", "7")],
    ]


def test_a_metrics_file_that_cannot_be_read_costs_no_plot(changed: Workspace) -> None:
    changed.write("metrics.json", "{")
    done = changed.mltrack("plots", "show", code=3)
    assert "metrics.json" in done.err
    assert 'id="plot-loss.csv"' in changed.read("plots.html")


def test_what_one_revision_keeps_elsewhere_is_drawn_of_the_others(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp in out.csv\n    deps: [in]\n    plots: [out.csv]\n",
    )
    ws.write("in", "x\n1\n")
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("in", "x\n2\n")
    ws.mltrack("repro")
    for kept in ("loose", "packs", "runs"):
        for file in sorted((ws.path / ".mltrack/cache" / kept).rglob("*")):
            if file.is_file():
                file.unlink()
    done = ws.mltrack("plots", "diff", "v1", "--json", code=3)
    drawn = json.loads(done.out)["plots"]
    assert [row["rev"] for row in drawn[0]["spec"]["data"]["values"]] == ["workspace"]
    assert "out.csv of v1 is not in the cache" in done.err


def test_a_line_goes_on_over_cells_that_a_logger_left_empty(changed: Workspace) -> None:
    changed.write("last.csv", "step,train,valid\n0,3,\n0,,5\n1,2,\n1,,4\n")
    changed.write(
        "mltrack.yaml",
        "stages: {}\nplots: [{last.csv: {x: step, y: [train, valid]}}]\n",
    )
    drawn = charts(page(changed, "show"))["last.csv"]
    assert [(one["x"], one["y"]) for one in drawn["series"]] == [
        ([0, 1], [3, 2]),
        ([0, 1], [5, 4]),
    ]
    assert drawn["y"]["kind"] == "number"


def test_rows_of_json_need_not_have_the_same_names(changed: Workspace) -> None:
    changed.write("last.json", '[{"step": 0, "a": 3}, {"step": 1, "b": 5}]')
    changed.write("mltrack.yaml", "stages: {}\nplots: [{last.json: {x: step}}]\n")
    drawn = charts(page(changed, "show"))["last.json"]
    assert [(one["field"], one["x"], one["y"]) for one in drawn["series"]] == [
        ("b", [1], [5])
    ]


def test_an_x_of_another_file_is_named_where_it_lacks(changed: Workspace) -> None:
    changed.write(
        "mltrack.yaml",
        "stages: {}\nplots: [P: {x: {new.csv: day}, y: {last.csv: [loss, epoch]}}]\n",
    )
    found = plot(changed, "P", "diff", "v1")
    assert {row["rev"] for row in found["spec"]["data"]["values"]} == {"workspace"}
    lack = {"revision": "v1", "file": "new.csv", "column": None, "reason": "absent"}
    assert found["lacks"] == [lack]
    changed.write("new.csv", "date\n2026-01-01\n")
    said = changed.mltrack("plots", "show", code=1).err
    assert "plot 'P': new.csv has no column 'day'" in said


def test_a_column_without_values_is_named(changed: Workspace) -> None:
    changed.write("last.csv", "epoch,loss\n1,\n")
    changed.write("mltrack.yaml", "stages: {}\nplots: [last.csv, new.csv]\n")
    done = changed.mltrack("plots", "show")
    assert "workspace: column 'loss' of last.csv is empty" in done.err
    assert 'id="plot-last.csv"' in changed.read("plots.html")


def test_the_best_value_of_a_metric_with_a_direction_is_marked(ws: Workspace) -> None:
    metric = "metrics: [{m.json: {cache: false, direction: {loss: min, acc: max}}}]"
    ws.write(
        "mltrack.yaml",
        f"stages:\n  s:\n    cmd: cp in m.json\n    deps: [in]\n    {metric}\nplots: [a.csv]\n",
    )
    ws.write("a.csv", "x\n1\n")
    for tag, values in (("v1", '"acc": 1, "loss": 2'), ("v2", '"acc": 1, "loss": 3')):
        ws.write("in", f'{{{values}, "n": 1}}')
        ws.mltrack("repro")
        ws.commit(tag=tag)
    text = page(ws, "diff", "v1", "v2")
    assert re.findall(r"<td[^>]*>(.*?)</td>", text) == ["2*", "1", "1", "3", "1", "1"]
    assert "* the best of its column" in text
