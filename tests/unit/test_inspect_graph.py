"""The graph of the app, and where its boxes and arrows are drawn."""

from __future__ import annotations

import itertools
import re

import pytest

from app.settings import Settings
from app.topology import build
from tests.factories import plain_enrichment
from web.inspect.graph import Edge, Graph, Node, NodeKind, graph_of
from web.inspect.layout import Box, draw, layers_of


def graph(*edges: str) -> Graph:
    """Of edges such as ``"a-b"``."""
    pairs = [edge.split("-") for edge in edges]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    return Graph(
        nodes=[Node(name=name, kind=NodeKind.TOPIC) for name in names],
        edges=[Edge(source=source, target=target) for source, target in pairs],
    )


def test_the_graph_of_the_app_has_every_part_once():
    def fail(error):
        raise error

    topology = build(Settings(), enrich=plain_enrichment, on_fatal=fail)
    found = graph_of(topology.app, topology.topics)
    names = [node.name for node in found.nodes]
    assert len(names) == len(set(names)) == 8
    assert {edge.source for edge in found.edges} | {edge.target for edge in found.edges} == set(names)
    assert found.node("visitors").table == "visitors"
    assert [edge.target for edge in found.edges if edge.is_both_ways] == ["visitors"]


@pytest.mark.parametrize(
    ("edges", "layers"),
    [
        (["a-b", "b-c"], [["a"], ["b"], ["c"]]),
        (["a-b", "a-c", "b-c"], [["a"], ["b"], ["c"]]),
        (["a-d", "b-c", "a-e"], [["a", "b"], ["d", "e", "c"]]),
        (["a-b", "b-a"], [["a"], ["b"]]),
        (["a-b", "b-c", "c-a", "c-d"], [["a"], ["b"], ["c"], ["d"]]),
        (["a-a", "a-b"], [["a"], ["b"]]),
    ],
)
def test_a_node_stands_right_of_what_flows_into_it(edges, layers):
    assert layers_of(graph(*edges)) == layers


def is_apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width < other.x
        or other.x + other.width < one.x
        or one.y + one.height < other.y
        or other.y + other.height < one.y
    )


@pytest.mark.parametrize(
    "edges", [["a-b", "a-c", "a-d", "d-e", "b-f", "f-e"], ["a-c", "b-c"], ["a-b", "b-a"]]
)
def test_boxes_are_apart_and_within_the_drawing(edges):
    drawing = draw(graph(*edges))
    assert all(is_apart(one, other) for one, other in itertools.combinations(drawing.boxes, 2))
    for box in drawing.boxes:
        assert 0 <= box.x < box.x + box.width <= drawing.width
        assert 0 <= box.y < box.y + box.height <= drawing.height


def test_an_arrow_goes_from_side_to_side_and_shares_no_place_with_another():
    drawing = draw(graph("a-b", "a-c", "a-d"))
    boxes = {box.node.name: box for box in drawing.boxes}
    begins = []
    for arrow in drawing.arrows:
        source, target = boxes[arrow.edge.source], boxes[arrow.edge.target]
        x, y, *_, end_x, end_y = map(float, re.findall(r"[\d.]+", arrow.path))
        assert (x, end_x) == (source.x + source.width, target.x)
        assert source.y < y < source.y + source.height
        assert target.y < end_y < target.y + target.height
        begins.append((target.y, y))
    assert [y for _, y in sorted(begins)] == sorted({y for _, y in begins})
    assert len(begins) == 3


def test_a_graph_of_nothing_is_drawn_as_nothing():
    drawing = draw(Graph(nodes=[], edges=[]))
    assert (drawing.boxes, drawing.arrows) == ([], [])
