"""A graph as a page: every box and edge stands in it, and nothing of the data ends the
script or the markup.
"""

import json
import re

from mltrack.pipeline.graph_page import Box, page
from mltrack.pipeline.layout import Edges

EDGES: Edges = {"data": (), "train": ("data",), "evaluate": ("train", "data")}
BOXES = {
    "data": Box("data"),
    "train": Box("train", "run", (("command", ("python train.py",)),)),
    "evaluate": Box("evaluate", "wait"),
}


def test_every_box_and_edge_is_drawn_with_its_state() -> None:
    text = page("project", EDGES, BOXES)
    assert re.findall(r'class="box (\w*)" tabindex="0" data-name="(\w+)"', text) == [
        ("", "data"),
        ("run", "train"),
        ("wait", "evaluate"),
    ]
    found = set(re.findall(r'data-from="(\w+)" data-to="(\w*)"', text))
    assert ("data", "train") in found and ("train", "evaluate") in found
    assert ("data", "evaluate") in found


def test_what_a_click_shows_is_in_the_page() -> None:
    text = page("project", EDGES, BOXES)
    match = re.search(r"const data = (.*);\n", text)
    assert match is not None
    data = json.loads(match[1])
    assert data["train"]["facts"] == [["command", ["python train.py"]]]


def test_the_page_needs_nothing_else() -> None:
    text = page("project", EDGES, BOXES)
    assert not re.search(r"(?:src|href)=|https?:", text)


def test_nothing_in_the_data_ends_a_script_or_a_tag() -> None:
    nasty = '</script><b title="x">'
    text = page(nasty, {nasty: ()}, {nasty: Box(nasty, "", (("cmd", (nasty,)),))})
    assert text.count("</script>") == 1 and "<b title" not in text
