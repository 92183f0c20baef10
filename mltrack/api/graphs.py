"""The graph of stages as a value that can be drawn."""

from __future__ import annotations

from mltrack.api import lazily


class Dag(dict[str, tuple[str, ...]]):
    """For each stage, or file, the names that it depends on, sources first. Printed, it
    is a drawing; a notebook shows a picture. Stages of one group are drawn as one box.
    """

    def __str__(self) -> str:
        return lazily.drawing.ascii_boxes(*self._drawn())

    def dot(self) -> str:
        """Returns the graph in Graphviz's language."""
        return lazily.drawing.dot(*self._drawn())

    def mermaid(self) -> str:
        """Returns the graph as a Mermaid flowchart."""
        return lazily.drawing.mermaid(*self._drawn())

    def _repr_html_(self) -> str:
        return lazily.graph_page.picture(*self._drawn())

    def _drawn(self) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        return lazily.layout.folded(dict(self))
