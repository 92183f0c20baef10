"""The page of plots, opened in a browser."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mltrack.pipeline.vega import TEMPLATES
from tests.support import browser
from tests.support.browser import Shown
from tests.support.workspace import Workspace, hermetic_environment

PIPELINE = """\
stages: {}
metrics: [metrics.json]
plots:
- Loss:
    title: Loss over steps
    x: step
    y: {train.csv: loss, valid.csv: loss}
- cloud.csv: {x: actual, y: predicted, template: scatter}
- confusion.csv: {x: actual, y: predicted, template: confusion}
- Shares: {x: actual, y: {confusion.csv: predicted}, template: confusion_normalized}
- importance.csv: {x: weight, y: feature, template: bar_horizontal_sorted}
- daily.csv: {x: day, y: requests}
- Smooth: {x: step, y: {train.csv: loss}, template: smooth}
- classes.csv: {x: class, y: f1, template: scatter_jitter}
- flat.csv: {x: step}
- one.csv
- lacking.csv: {x: epoch, y: [loss, f1]}
- shot.png
- same.png
"""
HEADINGS = [
    "Metrics and params",
    "Loss over steps",
    "cloud.csv",
    "confusion.csv",
    "Shares",
    "importance.csv",
    "daily.csv",
    "Smooth",
    "classes.csv",
    "flat.csv",
    "one.csv",
    "lacking.csv",
    "shot.png",
    "same.png",
]
CHARTS = 13
"""Eleven plots are drawn; of the two confusion matrices one for each revision."""
LOSS = "#plot-Loss"
X_TICKS = f"{LOSS} text.tick.x"
LONG = "a name that is much too long for the side of a chart <b>bold</b>"
BAD = "</script><script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"


def png(color: tuple[int, int, int], width: int = 60, height: int = 40) -> bytes:
    """Returns a picture of one color."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        size, code = struct.pack(">I", len(data)), zlib.crc32(kind + data)
        return size + kind + data + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(color) * width) * height
    parts = (
        chunk(b"IHDR", head),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def table(head: str, rows: list[tuple[object, ...]]) -> str:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def write_data(ws: Workspace, version: int) -> None:
    steps = range(150)
    for name in ("train", "valid"):
        losses = [(step, (len(name) + version) / (step + 9)) for step in steps]
        ws.write(f"{name}.csv", table("step,loss", losses))
    cloud = [(at % 17, at % 17 + at % (3 + version)) for at in range(90)]
    ws.write("cloud.csv", table("actual,predicted", cloud))
    pairs = [("cat", "cat")] * (7 + version) + [("dog", "cat")] * 2 + [("dog", "dog")]
    ws.write("confusion.csv", table("actual,predicted", pairs))
    weights = [("age", 0.5), (LONG, 0.75 + version), ("debt", -0.25)]
    ws.write("importance.csv", table("feature,weight", weights))
    days = [(f"2026-11-{day:02}", day + version) for day in range(1, 29)]
    ws.write("daily.csv", table("day,requests", days))
    ws.write("classes.csv", table("class,f1", [("cat", 0.5), ("dog", 0.25)]))
    ws.write("flat.csv", table("step,value", [(1, 5), (2, 5), (3, 5)]))
    ws.write("one.csv", table("auc", [(0.75,)]))
    is_new = version > 0
    ws.write("lacking.csv", "epoch,loss,f1\n1,3,1\n" if is_new else "epoch,loss\n1,3\n")
    ws.write("metrics.json", f'{{"acc": 0.{7 + version}, "count": 12}}')
    many = "".join(f"key_number_{at}: {at}\n" for at in range(12))
    ws.write("params.yaml", f"lr: {version}\n{many}")
    ws.write("shot.png", png((255, 0, 0) if is_new else (0, 0, 255)))
    ws.write("same.png", png((0, 255, 0)))


def new_project(place: Path) -> Workspace:
    path = place / "digits"
    path.mkdir()
    ws = Workspace(path, hermetic_environment(place / "home"))
    ws.git("init", "--quiet")
    ws.mltrack("init", "--no-hooks")
    return ws


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.opened() as found:
        yield found


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two versions of a project."""
    ws = new_project(tmp_path_factory.mktemp("plots"))
    ws.write("mltrack.yaml", PIPELINE)
    write_data(ws, 0)
    ws.commit("The first model", tag="v1")
    write_data(ws, 1)
    ws.mltrack("plots", "diff", "v1")
    return ws.path / "plots.html"


Show = Callable[..., Shown]


@pytest.fixture
def show(chromium: Any) -> Iterator[Show]:
    """Shows a page in a window of some width; nothing may be wrong with it, and nothing
    may be asked for.
    """
    contexts, pages = [], []

    def shown(place: Path, width: int = 1280, colors: str = "light") -> Shown:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=colors,
            reduced_motion="reduce",
        )
        contexts.append(context)
        pages.append(Shown(context.new_page(), place))
        return pages[-1]

    yield shown
    for one in pages:
        assert one.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in one.asked)
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1280, 480])
def test_the_page_has_all_plots_and_fits_the_window(
    width: int, page: Path, show: Show
) -> None:
    shown = show(page, width)
    assert shown.texts("h1") == ["digits: v1 and workspace"]
    assert shown.texts("h2") == HEADINGS == shown.texts("nav a")
    assert shown.page.locator("svg.drawing").count() == CHARTS
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("section", ".chart", ".chart > svg.drawing", ".compare", "table"):
        for found in shown.page.locator(selector).all():
            # a table scrolls within its own box
            box = (found.locator("..") if selector == "table" else found).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, selector


def test_columns_are_beside_one_another_only_where_there_is_room(
    page: Path, show: Show
) -> None:
    for width, is_beside in ((1280, True), (480, False)):
        shown = show(page, width)
        first, second = shown.page.locator("section.plot").all()[:2]
        tops = [one.bounding_box()["y"] for one in (first, second)]
        assert (tops[0] == tops[1]) is is_beside
        assert first.bounding_box()["width"] > 400


def test_colors_follow_what_the_person_prefers(page: Path, show: Show) -> None:
    def lightness(shown: Shown, what: str) -> int:
        style = f"getComputedStyle(document.body).{what}"
        return sum(map(int, re.findall(r"\d+", shown.page.evaluate(style))[:3]))

    light, dark = show(page), show(page, colors="dark")
    assert lightness(light, "backgroundColor") > 700 > 200 > lightness(light, "color")
    assert lightness(dark, "backgroundColor") < 200 < 600 < lightness(dark, "color")


def test_a_link_leads_to_its_plot(page: Path, show: Show) -> None:
    for width in (1280, 480):
        shown = show(page, width)
        shown.page.click("nav a:text-is('shot.png')")
        top = shown.page.locator("#plot-shot\\.png h2").bounding_box()["y"]
        assert 0 <= top <= 900 and shown.page.url.endswith("#plot-shot.png")


def drag(shown: Shown, selector: str, from_: float, to: float) -> None:
    """Drags from one share of an element's width to another."""
    box = shown.box(selector)
    y = box["y"] + box["height"] / 2
    shown.page.mouse.move(box["x"] + box["width"] * from_, y)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + box["width"] * to, y, steps=4)
    shown.page.mouse.up()


def test_dragging_enlarges_a_part_and_a_double_click_shows_all(
    page: Path, show: Show
) -> None:
    shown = show(page)
    svg = f"{LOSS} svg.drawing"
    whole = shown.texts(X_TICKS)
    line = shown.page.locator(f"{LOSS} path.line").first.get_attribute("d")
    assert (whole[0], whole[-1]) == ("0", "150")
    drag(shown, svg, 0.3, 0.5)
    part = [float(text) for text in shown.texts(X_TICKS)]
    assert 10 < min(part) < max(part) < 90 and len(part) > 1
    assert shown.page.locator(f"{LOSS} path.line").first.get_attribute("d") != line
    shown.page.dblclick(svg)
    assert shown.texts(X_TICKS) == whole
    drag(shown, svg, 0.3, 0.5)
    shown.page.click(f"{LOSS} button.reset")
    assert shown.texts(X_TICKS) == whole
    assert not shown.page.locator(f"{LOSS} button.reset").is_visible()


def test_keys_and_the_wheel_with_ctrl_enlarge_too(page: Path, show: Show) -> None:
    shown = show(page)
    whole = shown.texts(X_TICKS)
    shown.page.focus(f"{LOSS} svg.drawing")
    for key in ("+", "ArrowRight"):
        before = shown.texts(X_TICKS)
        shown.page.keyboard.press(key)
        assert shown.texts(X_TICKS) != before
    shown.page.keyboard.press("Escape")
    assert shown.texts(X_TICKS) == whole
    shown.page.hover(f"{LOSS} svg.drawing")
    shown.page.evaluate(
        f"document.querySelector('{LOSS} svg.drawing').dispatchEvent(new WheelEvent("
        "'wheel', {deltaY: -100, ctrlKey: true, clientX: 500, clientY: 500}))"
    )
    assert shown.texts(X_TICKS) != whole


def test_an_axis_of_dates_shows_dates(page: Path, show: Show) -> None:
    shown = show(page)
    ticks = shown.texts("#plot-daily\\.csv text.tick.x")
    assert len(ticks) > 2 and all(re.fullmatch(r"2026-1\d-\d\d", one) for one in ticks)


def test_steps_are_whole_numbers_and_classes_texts(page: Path, show: Show) -> None:
    shown = show(page)
    assert shown.texts("#plot-flat\\.csv text.tick.x") == ["1", "2", "3"]
    assert shown.texts("#plot-classes\\.csv text.tick.x") == ["cat", "dog"]


def test_equal_values_and_single_points_are_seen(page: Path, show: Show) -> None:
    shown = show(page)
    for name, dots in (("flat", 3), ("one", 1)):
        plot = f"#plot-{name}\\.csv"
        found = shown.page.locator(f"{plot} path.dots")
        assert [one.get_attribute("data-dots") for one in found.all()] == [
            str(dots)
        ] * 2
        frame, box = shown.box(f"{plot} svg.drawing"), found.first.bounding_box()
        assert frame["y"] < box["y"] < frame["y"] + frame["height"]
        assert shown.texts(f"{plot} .same") == ["Equal: v1 = workspace"]


def test_what_a_revision_lacks_is_said_above_the_chart(page: Path, show: Show) -> None:
    shown = show(page)
    lacks = shown.texts("#plot-lacking\\.csv .lacks li")
    assert lacks == ["v1: lacking.csv has no column 'f1'"]
    legend = shown.texts("#plot-lacking\\.csv .legend button")
    assert legend == ["v1 loss", "workspace loss", "workspace f1"]


def test_cells_of_confusion_matrices_hold_counts_and_shares(
    page: Path, show: Show
) -> None:
    shown = show(page)
    names = ["v1", "workspace"]
    assert shown.texts("#plot-confusion\\.csv figcaption") == names
    cells = shown.texts("#plot-confusion\\.csv text.count")
    assert cells == ["7", "2", "0", "1", "8", "2", "0", "1"]
    shares = shown.texts("#plot-Shares text.count")
    assert shares == ["0.78", "0.22", "0.00", "1.00", "0.80", "0.20", "0.00", "1.00"]


def test_bars_are_sorted_and_begin_at_zero(page: Path, show: Show) -> None:
    shown = show(page)
    plot = "#plot-importance\\.csv"
    bars = [one.bounding_box() for one in shown.page.locator(f"{plot} rect.bar").all()]
    zero = shown.page.locator(f"{plot} line.zero").bounding_box()["x"]
    widths = [round(box["width"]) for box in bars]
    assert widths[1] == max(widths) and widths[2] == widths[3] > widths[4] > 0
    assert [round(box["x"] - zero) for box in bars[:4]] == [0] * 4
    assert bars[4]["x"] + bars[4]["width"] == pytest.approx(zero, abs=1)


def test_a_name_above_a_chart_hides_its_line(page: Path, show: Show) -> None:
    shown = show(page)
    assert shown.page.locator(f"{LOSS} g.series").count() == 4
    shown.page.click(f"{LOSS} .legend button >> nth=1")
    assert shown.page.locator(f"{LOSS} g.series").count() == 3
    shown.page.click(f"{LOSS} .legend button >> nth=1")
    assert shown.page.locator(f"{LOSS} g.series").count() == 4


def test_the_nearest_point_is_described(page: Path, show: Show) -> None:
    shown = show(page)
    box = shown.page.locator("#plot-one\\.csv path.dots").first
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    shown.page.mouse.move(place["x"] + 3, place["y"] + 3)
    lines = ["step: 0", "v1: 0.75", "workspace: 0.75"]
    assert shown.texts("#plot-one\\.csv .tip > *") == lines


def test_values_that_differ_stand_out_and_may_stand_alone(
    page: Path, show: Show
) -> None:
    shown = show(page)

    def visible() -> list[str]:
        cells = shown.page.locator("#values tbody tr >> nth=1 >> td").all()
        return [cell.inner_text() for cell in cells if cell.is_visible()]

    def color(cell: str) -> str:
        found: str = shown.page.evaluate(
            f"getComputedStyle(document.querySelector('{cell}')).backgroundColor"
        )
        return found

    assert visible()[:3] == ["0.8", "12", "1"] and len(visible()) == 15
    assert color("td.differs") != color("td:not(.differs)")
    shown.page.check("#differing")
    assert visible() == ["0.8", "1"]


def color_at(shown: Shown, share: float) -> tuple[int, ...]:
    """The color of the compared pictures at a share of their width."""
    stack = shown.page.locator("#plot-shot\\.png .stack")
    stack.scroll_into_view_if_needed()
    box = stack.bounding_box()
    clip = {"x": box["x"] + box["width"] * share, "y": box["y"] + 9}
    data = shown.page.screenshot(clip={**clip, "width": 1, "height": 1})
    at = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[at - 4 : at])
    return tuple(zlib.decompressobj().decompress(data[at + 4 : at + 4 + size])[1:4])


RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize("width", [1280, 480])
def test_a_slider_moves_between_two_pictures(
    width: int, page: Path, show: Show
) -> None:
    shown = show(page, width)
    plot = "#plot-shot\\.png"
    assert (color_at(shown, 0.4), color_at(shown, 0.6)) == (BLUE, RED)
    shown.page.focus(f"{plot} input[type=range]")
    for _ in range(20):
        shown.page.keyboard.press("ArrowLeft")
    assert (color_at(shown, 0.25), color_at(shown, 0.4)) == (BLUE, RED)
    drag(shown, f"{plot} .stack", 0.3, 0.8)
    assert (color_at(shown, 0.75), color_at(shown, 0.9)) == (BLUE, RED)
    assert shown.page.input_value(f"{plot} input[type=range]") == "80"
    shown.page.click(f"{plot} button.swap")
    assert (color_at(shown, 0.75), color_at(shown, 0.9)) == (RED, BLUE)
    assert shown.texts(f"{plot} .captions span") == ["workspace", "v1"]


def test_pictures_stand_side_by_side_without_the_slider(page: Path, show: Show) -> None:
    shown = show(page)
    plot = "#plot-shot\\.png"
    shown.page.click(f"{plot} button.way")
    figures = shown.page.locator(f"{plot} .images figure")
    places = [one.bounding_box() for one in figures.all()]
    assert places[0]["y"] == places[1]["y"] and places[0]["x"] < places[1]["x"]
    assert not shown.page.locator(f"{plot} .stack").is_visible()


def test_equal_pictures_are_shown_once(page: Path, show: Show) -> None:
    shown = show(page)
    captions = shown.texts("#plot-same\\.png figcaption")
    assert captions == ["v1 and workspace (identical)"]
    assert shown.page.locator("#plot-same\\.png img").count() == 1


def test_data_that_looks_like_a_script_is_text(
    chromium: Any, tmp_path: Path, show: Show
) -> None:
    ws = new_project(tmp_path)
    ws.write("a.csv", f'"{BAD}","{BAD}2"\n"{BAD}",1\n')
    ws.write("params.yaml", f'"{BAD}": "{BAD}"\n')
    settings = f'{{x: "{BAD}", title: "{BAD}", template: TEMPLATE}}'
    ws.commit(BAD)
    for template in ("linear", "bar_horizontal", "confusion"):
        given = settings.replace("TEMPLATE", template)
        ws.write("mltrack.yaml", f"stages: {{}}\nplots: [{{a.csv: {given}}}]\n")
        ws.mltrack("plots", "show")
        shown = show(ws.path / "plots.html")
        assert shown.texts("h2")[1] == BAD and shown.page.evaluate("window.bad") is None
        assert shown.page.locator("svg.drawing").count() == 1


def test_gaps_are_seen_and_many_rows_stay_light(
    chromium: Any, tmp_path: Path, show: Show
) -> None:
    ws = new_project(tmp_path)
    rows = [(at, "nan" if at == 50_000 else at * 7919 % 1000) for at in range(100_000)]
    ws.write("a.csv", table("step,value", rows))
    ws.write("mltrack.yaml", "stages: {}\nplots: [{a.csv: {x: step}}]\n")
    ws.mltrack("plots", "show")
    shown = show(ws.path / "plots.html")
    path = shown.page.locator("path.line").get_attribute("d")
    # the lowest and the highest of each column of pixels
    assert path.count("M") == 2 and 1000 < path.count("L") < 6000
    gaps = "Not finite numbers, left out: value 1 of 100000"
    assert shown.texts("p.same") == [gaps]


@pytest.mark.parametrize("rows", [1, 2, 400])
def test_every_template_is_drawn(
    rows: int, chromium: Any, tmp_path: Path, show: Show
) -> None:
    ws = new_project(tmp_path)
    ws.write("a.csv", table("x,y", [(at, at * 7 % rows) for at in range(rows)]))
    listed = [
        f"- {name}: {{x: x, y: {{a.csv: y}}, template: {name}}}\n" for name in TEMPLATES
    ]
    ws.write("mltrack.yaml", "stages: {}\nplots:\n" + "".join(listed))
    ws.mltrack("plots", "show")
    shown = show(ws.path / "plots.html")
    assert shown.texts("h2") == list(TEMPLATES)
    for name in TEMPLATES:
        drawn = shown.page.locator(f"#plot-{name} svg.drawing > *")
        assert drawn.count() > 4, name


def test_experiments_are_lines_through_axes_and_dots_by_two_values(
    tmp_path: Path, show: Show
) -> None:
    ws = new_project(tmp_path)
    ws.write("params.yaml", "lr: 1\nname: a\n")
    ws.write(
        "mltrack.yaml",
        'stages:\n  s:\n    cmd: \'echo "{\\"loss\\": ${lr}}" > m.json\'\n'
        "    params: [lr, name]\n    metrics: [m.json: {cache: false}]\n",
    )
    ws.commit("one")
    ws.mltrack("exp", "run", "-S", "lr=1,2,3", "-S", "name=a,<b>", "-q")
    said = ws.mltrack("plots", "show", "--exps", "--where", "params.lr < 3").said
    assert "4 experiments: file://" in said
    shown = show(ws.path / "plots.html")
    lines = shown.page.locator("#experiments-parallel polyline.run")
    assert lines.count() == 4
    assert "name: <b>" in lines.nth(1).inner_html().replace("&lt;b&gt;", "<b>")
    before = shown.page.locator("#experiments-scatter circle.dot").first.get_attribute(
        "cx"
    )
    shown.page.select_option(
        "#experiments-scatter select[aria-label='x axis']", label="name"
    )
    dots = shown.page.locator("#experiments-scatter circle.dot")
    assert dots.count() == 4
    assert dots.first.get_attribute("cx") != before
