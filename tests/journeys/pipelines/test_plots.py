"""Plots: series and images of stages over revisions, as a page that opens offline, as
pictures, as specifications.
"""

import base64
import re

import pytest

from mltrack.pipeline import vega
from tests.support.workspace import Workspace

PIPELINE = """\
stages:
  train:
    cmd: cp source.csv loss.csv; cp source.json roc.json; mkdir -p shots; cp dot.png shots/dot.png; cp dot.png one.png
    deps: [source.csv, source.json, dot.png]
    plots:
    - loss.csv: {x: epoch, y: loss, title: Loss over time, template: simple}
    - roc.json
    - shots
    - one.png: {cache: false}
plots:
- both:
    x: epoch
    y: {loss.csv: [loss, acc]}
"""
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def drawn(ws: Workspace) -> Workspace:
    ws.write("source.csv", "epoch,loss,acc\n1,0.5,0.1\n2,0.25,0.2\n")
    ws.write("source.json", '{"points": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}]}')
    ws.write("dot.png", DOT)
    ws.write("mltrack.yaml", PIPELINE)
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("source.csv", "epoch,loss,acc\n1,0.4,0.3\n2,0.2,0.4\n")
    ws.mltrack("repro")
    return ws


def found(ws: Workspace, *arguments: str) -> dict[str, dict[str, object]]:
    return {
        plot["name"]: plot
        for plot in ws.mltrack("plots", *arguments, "--json").json["plots"]
    }


def test_a_diff_holds_the_rows_of_both_revisions(drawn: Workspace) -> None:
    spec = found(drawn, "diff", "v1")["loss.csv"]["spec"]
    assert spec["data"]["values"] == [
        {"rev": "v1", "epoch": 1, "loss": 0.5},
        {"rev": "v1", "epoch": 2, "loss": 0.25},
        {"rev": "workspace", "epoch": 1, "loss": 0.4},
        {"rev": "workspace", "epoch": 2, "loss": 0.2},
    ]
    assert (
        spec["title"] == "Loss over time"
        and spec["encoding"]["color"]["field"] == "rev"
    )


def test_what_is_drawn_when_nothing_is_said(drawn: Workspace) -> None:
    spec = found(drawn, "show")["roc.json"]["spec"]
    assert spec["data"]["values"] == [
        {"rev": "workspace", "step": 0, "tpr": 0},
        {"rev": "workspace", "step": 1, "tpr": 1},
    ]


@pytest.mark.parametrize("out", ["new/", "made"])
def test_a_page_goes_into_a_directory(drawn: Workspace, out: str) -> None:
    (drawn.path / "made").mkdir()
    drawn.mltrack("plots", "show", "-o", out)
    assert "<html" in drawn.read(f"{out.rstrip('/')}/plots.html")


def test_several_columns_share_one_picture(drawn: Workspace) -> None:
    spec = found(drawn, "show")["both"]["spec"]
    assert {
        (row["field"], row["epoch"], row["value"]) for row in spec["data"]["values"]
    } == {
        ("loss", 1, 0.4),
        ("loss", 2, 0.2),
        ("acc", 1, 0.3),
        ("acc", 2, 0.4),
    }


def test_images_and_directories_of_them_at_revisions(drawn: Workspace) -> None:
    plots = found(drawn, "diff", "v1")
    uri = "data:image/png;base64," + base64.b64encode(DOT).decode()
    for name in ("shots/dot.png", "one.png"):
        assert plots[name]["images"] == [
            {"revision": "v1", "uri": uri},
            {"revision": "workspace", "uri": uri},
        ]


def test_the_page_needs_nothing_from_anywhere(drawn: Workspace) -> None:
    done = drawn.mltrack("plots", "diff", "v1", "-o", "page.html")
    assert "5 plots: file://" in done.out
    page = drawn.read("page.html")
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert not re.search(r"<link|@import|url\((?!#)|https?://(?!www.w3.org/)", page)
    assert "default-src 'none'" in page and "Loss over time" in page


def test_text_in_data_cannot_leave_its_script(drawn: Workspace) -> None:
    bad = "</script><b>x"
    drawn.write("source.csv", f"epoch,loss,acc\n{bad},0.4,0.3\n")
    drawn.write("params.yaml", f"name: '{bad}'\n")
    drawn.mltrack("repro")
    drawn.commit(bad)
    drawn.mltrack("plots", "show", "-t", "loss.csv")
    assert "</script><b>" not in drawn.read("plots.html")


def test_pictures(drawn: Workspace) -> None:
    pytest.importorskip("vl_convert")
    said = drawn.mltrack(
        "plots", "show", "--svg", "-t", "loss.csv", "-t", "one.png"
    ).out.split()
    assert said == ["plots/loss.csv.svg", "plots/workspace_one.png"]
    assert (
        drawn.read("plots/loss.csv.svg").startswith("<svg")
        and (drawn.path / said[1]).read_bytes() == DOT
    )
    drawn.mltrack("plots", "show", "--png", "-t", "loss.csv")
    assert (drawn.path / "plots/loss.csv.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("template", vega.TEMPLATES)
def test_every_template_is_drawn(template: str) -> None:
    library = pytest.importorskip("vl_convert")
    rows = [
        {"rev": rev, "a.b": x % 3, "c[0]": x % 2}
        for rev in ("one", "two")
        for x in range(12)
    ]
    spec = vega.specification(
        vega.Chart(rows, "a.b", "c[0]", "words & <signs>"), template
    )
    svg = library.vegalite_to_svg(spec)
    assert svg.count("<path") > 3 and "words &amp; &lt;signs&gt;" in svg


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{template: linar}", "did you mean 'linear'?"),
        ("{y: los}", "did you mean 'loss'?"),
        ("{x: nothing}", "it has: epoch, loss, acc"),
    ],
)
def test_mistakes_in_plots(settings: str, said: str, drawn: Workspace) -> None:
    drawn.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: x\n    plots:\n    - loss.csv: {settings}\n",
    )
    assert said in drawn.mltrack("plots", "show", code=1).err


def test_a_plot_that_there_is_not(drawn: Workspace) -> None:
    assert (
        "there is no plot 'x'" in drawn.mltrack("plots", "show", "-t", "x", code=2).err
    )
    drawn.write("mltrack.yaml", "plots:\n- other:\n    xx: 1\n")
    assert "unknown key 'xx'" in drawn.mltrack("plots", "show", code=1).err


@pytest.mark.parametrize(
    "given",
    ["{a.csv: 5}", "{a.csv: x}", "{a.csv: [x]}", "{n: {y: {}}}", "[a.csv]", "5"],
)
def test_a_plot_that_is_none_is_named_with_its_file(ws: Workspace, given: str) -> None:
    ws.write("a.csv", "x\n1\n")
    ws.write("mltrack.yaml", f"stages: {{}}\nplots: [{given}]\n")
    said = ws.mltrack("plots", "show", "--json", code=1).err
    assert "mltrack.yaml: plots" in said and "hint: " in said


def test_plots_whose_names_give_one_file_name_are_written_side_by_side(
    ws: Workspace,
) -> None:
    for path in ("a/b.csv", "a_b.csv", "a b.csv"):
        ws.write(path, "x\n1\n2\n")
    ws.write("mltrack.yaml", "stages: {}\nplots: [a/b.csv, a_b.csv, a b.csv]\n")
    ws.mltrack("plots", "show", "--svg", "--out", "drawn")
    assert sorted(path.name for path in (ws.path / "drawn").iterdir()) == [
        "a_b.csv-2.svg",
        "a_b.csv-3.svg",
        "a_b.csv.svg",
    ]
