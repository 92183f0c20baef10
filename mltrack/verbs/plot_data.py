"""A chart as the page's scripts read it: series of plain values by revision."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mltrack.formats.dates import milliseconds
from mltrack.pipeline.vega import DATE, FIELD, NUMBER, REV, TEXT, Chart
from mltrack.verbs.plots import Plot

# by what they count or name, whatever the values look like
_TEXT_X = ("confusion", "confusion_normalized", "scatter_jitter")
_TEXT_Y = (
    "confusion",
    "confusion_normalized",
    "bar_horizontal",
    "bar_horizontal_sorted",
)


def data_of(plot: Plot, chart: Chart, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Returns what is drawn of a chart; ``numbers`` says which revision is which."""
    x_kind = TEXT if plot.template in _TEXT_X else chart.x_kind
    y_kind = TEXT if plot.template in _TEXT_Y else chart.y_kind
    x_of, y_of = _VALUES[x_kind], _VALUES[y_kind]
    series: dict[tuple[str, str], dict[str, Any]] = {}
    for row in chart.rows:
        revision, field = row[REV], row.get(FIELD, chart.y)
        one = series.get((revision, field))
        if one is None:
            one = {"rev": numbers[revision], "field": field, "x": [], "y": []}
            series[revision, field] = one
        one["x"].append(x_of(row[chart.x]))
        one["y"].append(y_of(row[chart.y]))
    return {
        "template": plot.template,
        "title": chart.title,
        "x": {"label": chart.x_label or chart.x, "kind": x_kind},
        "y": {"label": chart.y_label or chart.y, "kind": y_kind},
        "series": list(series.values()),
    }


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, default=str)


_VALUES: dict[str, Callable[[Any], Any]] = {
    NUMBER: lambda value: value,
    DATE: milliseconds,
    TEXT: _text,
}


def script_text(value: Any) -> str:
    """Returns JSON that may stand in a script of a page: nothing in it ends a tag."""
    return json.dumps(value, separators=(",", ":"), default=str).replace("<", "\\u003c")
