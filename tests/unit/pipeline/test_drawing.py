"""Drawings of graphs: lines can be followed by eye, rows keep to their width, groups are
one box.
"""

import random
import re

import pytest

from mltrack.pipeline import drawing
from mltrack.pipeline.columns import width
from mltrack.pipeline.layout import Edges, folded, lay_out

UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)
ENDS = {
    "│": (UP, DOWN),
    "─": (LEFT, RIGHT),
    "└": (UP, RIGHT),
    "┘": (UP, LEFT),
    "┌": (DOWN, RIGHT),
    "┐": (DOWN, LEFT),
    "├": (UP, DOWN, RIGHT),
    "┤": (UP, DOWN, LEFT),
    "┬": (LEFT, RIGHT, DOWN),
    "┴": (LEFT, RIGHT, UP),
    "┼": (UP, DOWN, LEFT, RIGHT),
}


def near(seed: int, count: int) -> Edges:
    """A pipeline as people write them: most stages read what was written lately."""
    chance = random.Random(seed)
    names = [f"s{number}" for number in range(count)]
    return {
        name: tuple(
            sorted({chance.choice(names[max(0, at - 9) : at]) for _ in range(2)})
        )
        if at
        else ()
        for at, name in enumerate(names)
    }


def followed(drawn: str) -> Edges:
    """The graph that somebody reads from a drawing, line by line."""
    lines = drawn.split("\n")
    at = {(x, y): sign for y, line in enumerate(lines) for x, sign in enumerate(line)}
    boxes: dict[tuple[int, int], str] = {}
    for y, line in enumerate(lines):
        for found in re.finditer(r"\| +(\S+) +\|", line):
            for x in range(found.start(), found.end()):
                boxes[x, y - 1] = boxes[x, y + 1] = found[1]
    edges: dict[str, set[str]] = {name: set() for name in boxes.values()}
    for (x, y), name in boxes.items():
        if at.get((x, y - 1), "") in ENDS and at[x, y] in "+-":
            for source in reached(at, boxes, (x, y - 1)):
                edges[name].add(source)
    return {name: tuple(sorted(above - {name})) for name, above in edges.items()}


def reached(
    at: dict[tuple[int, int], str],
    boxes: dict[tuple[int, int], str],
    start: tuple[int, int],
) -> set[str]:
    """The boxes above that a line from a box's top leads to, going up and sideways."""
    found: set[str] = set()
    pending, seen = [(start, UP)], set()
    while pending:
        (x, y), way = pending.pop()
        if ((x, y), way) in seen:
            continue
        seen.add(((x, y), way))
        if (x, y) in boxes:
            found.add(boxes[x, y])
            continue
        sign = at.get((x, y), " ")
        if sign == "│" and way in (LEFT, RIGHT):
            # a crossing: the level line goes on behind it
            pending.append(((x + way[0], y), way))
            continue
        for step in ENDS.get(sign, ()):
            back = (-way[0], -way[1])
            if step in (back, DOWN):
                continue
            pending.append(((x + step[0], y + step[1]), step))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_every_edge_can_be_followed_upwards(seed: int) -> None:
    edges = near(seed, 40)
    drawn = drawing.ascii_boxes(edges, width=100)
    names = lay_out(edges, {name: len(name) + 4 for name in edges}, 100).references
    lines = "\n".join(line for line in drawn.split("\n") if "also needs" not in line)
    seen = followed(lines)
    for name, needed in edges.items():
        assert set(needed) - set(names.get(name, ())) <= set(seen[name]), name


@pytest.mark.parametrize("seed", range(10))
def test_rows_keep_to_their_width_and_what_has_no_line_is_named(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"s{number}" for number in range(120)]
    edges: Edges = {
        name: tuple({chance.choice(names[:at]) for _ in range(3)}) if at else ()
        for at, name in enumerate(names)
    }
    drawn = drawing.ascii_boxes(edges)
    assert max(map(len, drawn.splitlines())) <= 80
    layout = lay_out(edges, {name: len(name) + 4 for name in edges}, 80)
    for name, needed in edges.items():
        kept = {*layout.edges[name], *layout.references.get(name, ())}
        assert kept == set(needed)
    assert sum(len(row) for row in layout.rows) < 20 * len(edges)


def test_members_of_a_wide_group_stand_above_what_follows_from_them() -> None:
    edges: Edges = {"raw": ()}
    edges |= {f"clean@{number}": ("raw",) for number in range(60)}
    edges |= {f"train@{number}": (f"clean@{number}",) for number in range(60)}
    layout = lay_out(edges, {name: len(name) + 4 for name in edges}, 80)
    most = max(sum(not cell.is_box for cell in row) for row in layout.rows)
    assert most <= 1


def test_a_group_is_one_box_with_its_number() -> None:
    edges: Edges = {
        "data": (),
        "train@1": ("data",),
        "train@2": ("data",),
        "evaluate": ("train@1", "train@2"),
    }
    folded_edges, labels = folded(edges)
    assert folded_edges == {"data": (), "train": ("data",), "evaluate": ("train",)}
    assert labels == {"data": "data", "train": "train [2]", "evaluate": "evaluate"}
    assert "| train [2] |" in drawing.ascii_boxes(folded_edges, labels)


def test_a_group_that_would_depend_on_itself_stays_as_it_is() -> None:
    edges: Edges = {
        "a@1": (),
        "b@1": ("a@1",),
        "a@2": ("b@1",),
        "b@2": (),
    }
    found, _ = folded(edges)
    assert not {"a", "b"} <= found.keys()
    for name, needed in found.items():
        order = list(found)
        assert all(order.index(other) < order.index(name) for other in needed)


def test_one_member_is_no_group_and_a_file_may_have_the_name_of_one() -> None:
    assert folded({"a@1": ()})[0] == {"a@1": ()}
    edges: Edges = {"a": (), "a@1": ("a",), "a@2": ("a",)}
    assert folded(edges)[0] == edges


def test_a_crossing_shows_the_upright_line_and_a_branch_its_arms() -> None:
    edges: Edges = {"a": (), "b": (), "c": ("b",), "d": ("a", "b")}
    drawn = drawing.ascii_boxes(edges)
    assert "┼" not in drawn


def test_boxes_of_wide_and_styled_names_close_where_others_do() -> None:
    names = ("一番目", "plain", "\ufdd3red\ufdd0", "e\u0301")
    for name in names:
        top, middle, bottom = drawing.ascii_boxes({name: ()}).splitlines()
        assert width(middle) == len(top) == len(bottom), name
        assert f"| {name} |" in middle
