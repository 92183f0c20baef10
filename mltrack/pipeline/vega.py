"""Plots as Vega-Lite specifications, by the template names of ``dvc.yaml``.

Data is a list of rows; each has the fields that are drawn and ``rev``, the revision
that it is of.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
REV, FIELD, STEP = "rev", "field", "step"
NUMBER, DATE, TEXT = "number", "date", "text"
"""What the values of an axis are."""
Row = dict[str, Any]
Spec = dict[str, Any]


class Chart(NamedTuple):
    """What to draw: rows, the fields for both axes, words. ``several`` says that
    ``field`` tells lines apart too.
    """

    rows: list[Row]
    x: str
    y: str
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    several: bool = False
    x_kind: str = NUMBER
    y_kind: str = NUMBER


_DAY = len("2026-01-02")
_TYPES = {NUMBER: "quantitative", DATE: "temporal", TEXT: "nominal"}


def specification(chart: Chart, template: str) -> Spec:
    """Returns the Vega-Lite specification of a chart; raises KeyError for a template
    that there is not.
    """
    drawn = TEMPLATES[template](chart)
    return {
        "$schema": SCHEMA,
        "title": chart.title,
        "data": {"values": chart.rows},
        **drawn,
    }


def _axis(field: str, label: str, type_: str = "quantitative", **more: Any) -> Spec:
    return {"field": _escaped(field), "type": type_, "title": label or field, **more}


def _escaped(field: str) -> str:
    """A field's name as Vega-Lite reads it: dots and brackets in it are not steps of a
    path.
    """
    return (
        field.replace("\\", "\\\\")
        .replace(".", "\\.")
        .replace("[", "\\[")
        .replace("]", "\\]")
    )


def _colors(chart: Chart) -> Spec:
    encoding: Spec = {"color": {"field": REV, "type": "nominal"}}
    if chart.several:
        encoding["strokeDash"] = {"field": FIELD, "type": "nominal"}
    return encoding


def _x(chart: Chart) -> Spec:
    more: Spec = {}
    # a day is read as its midnight in UTC; shown elsewhere it would be the day before
    if chart.x_kind == DATE and not any(
        len(str(row[chart.x])) > _DAY for row in chart.rows if row[chart.x] is not None
    ):
        more = {"scale": {"type": "utc"}}
    return _axis(chart.x, chart.x_label, _TYPES[chart.x_kind], **more)


def _y(chart: Chart) -> Spec:
    if chart.y_kind != NUMBER:
        return _axis(chart.y, chart.y_label, _TYPES[chart.y_kind])
    # from zero on, an accuracy of 0.97 and one of 0.98 would be one line
    return _axis(chart.y, chart.y_label, scale={"zero": False})


def _simple(chart: Chart) -> Spec:
    return {
        "width": 300,
        "height": 300,
        # of more the points hide the line
        "mark": {"type": "line", "point": len(chart.rows) < 100, "tooltip": True},
        "encoding": {"x": _x(chart), "y": _y(chart), **_colors(chart)},
    }


def _linear(chart: Chart) -> Spec:
    return {
        **_simple(chart),
        "params": [{"name": "zoom", "select": "interval", "bind": "scales"}],
    }


def _smooth(chart: Chart) -> Spec:
    groups = [REV, *([FIELD] if chart.several else [])]
    loess = {
        "loess": _escaped(chart.y),
        "on": _escaped(chart.x),
        "groupby": groups,
        "bandwidth": 0.3,
    }
    encoding = {"x": _x(chart), "y": _y(chart), **_colors(chart)}
    faint = {"mark": {"type": "line", "opacity": 0.2}, "encoding": encoding}
    return {
        "width": 300,
        "height": 300,
        "layer": [
            {
                "mark": {"type": "line", "tooltip": True},
                "transform": [loess],
                "encoding": encoding,
            },
            faint,
        ],
    }


def _scatter(chart: Chart) -> Spec:
    return {
        "width": 300,
        "height": 300,
        "mark": {"type": "point", "tooltip": True, "filled": True},
        "encoding": {"x": _x(chart), "y": _y(chart), **_colors(chart)},
    }


def _scatter_jitter(chart: Chart) -> Spec:
    spec = _scatter(chart)
    spec["transform"] = [{"calculate": "random()", "as": "jitter"}]
    spec["encoding"]["xOffset"] = {"field": "jitter", "type": "quantitative"}
    spec["encoding"]["x"] = _axis(chart.x, chart.x_label, "nominal")
    return spec


def _confusion(chart: Chart) -> Spec:
    return _heat(
        chart,
        [{"aggregate": [{"op": "count", "as": "shown"}], "groupby": _cell(chart)}],
        "count",
    )


def _confusion_normalized(chart: Chart) -> Spec:
    transform: list[Spec] = [
        {"aggregate": [{"op": "count", "as": "cell"}], "groupby": _cell(chart)},
        {
            "joinaggregate": [{"op": "sum", "field": "cell", "as": "all"}],
            "groupby": [REV, _escaped(chart.y)],
        },
        {"calculate": "datum.cell / datum.all", "as": "shown"},
    ]
    return _heat(chart, transform, "share of the row")


def _cell(chart: Chart) -> list[str]:
    return [REV, _escaped(chart.x), _escaped(chart.y)]


def _heat(chart: Chart, transform: list[Spec], legend: str) -> Spec:
    place = {
        "x": _axis(chart.x, chart.x_label, "nominal"),
        "y": _axis(chart.y, chart.y_label, "nominal"),
    }
    return {
        # side by side: colour, which parts revisions elsewhere, is the count here
        "facet": {"field": REV, "type": "nominal", "title": None},
        "transform": transform,
        "spec": {
            "width": 300,
            "height": 300,
            "layer": [
                {
                    "mark": {"type": "rect", "tooltip": True},
                    "encoding": {
                        **place,
                        "color": {
                            "field": "shown",
                            "type": "quantitative",
                            "title": legend,
                        },
                    },
                },
                {
                    "mark": "text",
                    "encoding": {
                        **place,
                        "text": {
                            "field": "shown",
                            "type": "quantitative",
                            "format": ".3~g",
                        },
                    },
                },
            ],
        },
    }


def _bars(chart: Chart, sort: str | None) -> Spec:
    return {
        "width": 300,
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": _axis(chart.x, chart.x_label),
            "y": _axis(chart.y, chart.y_label, "nominal", sort=sort),
            "yOffset": {"field": REV},
            **_colors(chart),
        },
    }


TEMPLATES: dict[str, Callable[[Chart], Spec]] = {
    "linear": _linear,
    "simple": _simple,
    "smooth": _smooth,
    "scatter": _scatter,
    "scatter_jitter": _scatter_jitter,
    "confusion": _confusion,
    "confusion_normalized": _confusion_normalized,
    "bar_horizontal": lambda chart: _bars(chart, None),
    "bar_horizontal_sorted": lambda chart: _bars(chart, "-x"),
}
