"""A graph -> where its boxes and arrows are drawn: in layers from left to right.

The layers are those of Sugiyama, Tagawa and Toda (1981): a node stands right of all that flow into it, and
within its layer near the middle of what it is joined to. Lengths are those of the drawing, in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from web.inspect.graph import Edge, Graph, Node

BOX_HEIGHT = 56
#: What a letter of a label takes at most, and what is left beside the label.
LETTER = 8.25
PADDING = 36
MIN_WIDTH = 120
GAP_ACROSS = 72
GAP_BELOW = 24
MARGIN = 12
SWEEPS = 4


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it is drawn; ``x`` and ``y`` are its upper left corner."""

    node: Node
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """An edge as it is drawn: an SVG path, and whether it has a head at either end."""

    edge: Edge
    path: str


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """The whole, with its size."""

    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]


def layers_of(graph: Graph) -> list[list[str]]:
    """The names of the nodes by layer, ordered so that few arrows cross.

    An edge that closes a circle moves nothing.
    """
    edges = _onward(graph)
    depth = {node.name: 0 for node in graph.nodes}
    # Without circles, so many rounds move every node as far as it goes.
    for _ in graph.nodes:
        for edge in edges:
            depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    used = sorted(set(depth.values()))
    layers = [[name for name, at in depth.items() if at == layer] for layer in used]
    for _ in range(SWEEPS):
        for above, below in pairwise(layers):
            below.sort(key=_middles(above, below, edges).__getitem__)
    return layers


def draw(graph: Graph) -> Drawing:
    """The drawing of a graph."""
    tops: dict[str, float] = {}
    x: float = MARGIN
    boxes: dict[str, Box] = {}
    for layer in layers_of(graph):
        tops |= _tops(layer, _onward(graph), tops)
        width = max(_width(name) for name in layer)
        boxes |= {name: Box(node=graph.node(name), x=x, y=tops[name], width=width) for name in layer}
        x += width + GAP_ACROSS
    first = min(tops.values(), default=0) - MARGIN
    boxes = {name: msgspec.structs.replace(box, y=box.y - first) for name, box in boxes.items()}
    return Drawing(
        width=max(0, x - GAP_ACROSS) + MARGIN,
        height=max((box.y for box in boxes.values()), default=0) + BOX_HEIGHT + MARGIN,
        boxes=list(boxes.values()),
        arrows=_arrows(graph.edges, boxes),
    )


def _tops(layer: Sequence[str], edges: Sequence[Edge], placed: Mapping[str, float]) -> dict[str, float]:
    """Where the boxes of a layer begin: apart from each other, and on the whole level with their sources."""
    wanted = []
    for name in layer:
        sources = [placed[edge.source] for edge in edges if edge.target == name]
        wanted.append(sum(sources) / len(sources) if sources else 0.0)
    tops: list[float] = []
    for top in wanted:
        tops.append(max(top, tops[-1] + BOX_HEIGHT + GAP_BELOW) if tops else top)
    shift = sum(wanted) / len(layer) - sum(tops) / len(layer)
    return {name: top + shift for name, top in zip(layer, tops, strict=True)}


def _width(name: str) -> float:
    return max(MIN_WIDTH, len(name) * LETTER + PADDING)


def _onward(graph: Graph) -> list[Edge]:
    """The edges without those that close a circle, as a walk from the first node finds them."""
    leading: dict[str, list[Edge]] = {node.name: [] for node in graph.nodes}
    for edge in graph.edges:
        leading[edge.source].append(edge)
    onward: list[Edge] = []
    done: set[str] = set()

    def walk(name: str, path: frozenset[str]) -> None:
        for edge in leading[name]:
            if edge.target in path:
                continue
            onward.append(edge)
            if edge.target not in done:
                walk(edge.target, path | {edge.target})
        done.add(name)

    for name in leading:
        if name not in done:
            walk(name, frozenset({name}))
    return onward


def _middles(above: Sequence[str], below: Sequence[str], edges: Sequence[Edge]) -> dict[str, float]:
    """For each node of a layer the middle of what it is joined to above, or else its own place."""
    middles: dict[str, float] = {}
    for place, name in enumerate(below):
        joined = [above.index(edge.source) for edge in edges if edge.target == name and edge.source in above]
        middles[name] = sum(joined) / len(joined) if joined else place
    return middles


def _arrows(edges: Sequence[Edge], boxes: Mapping[str, Box]) -> list[Arrow]:
    """From the right of one box to the left of the other; those that share a side leave it apart."""
    arrows = []
    for edge in edges:
        source, target = boxes[edge.source], boxes[edge.target]
        leaving = sorted(boxes[one.target].y for one in edges if one.source == edge.source)
        coming = sorted(boxes[one.source].y for one in edges if one.target == edge.target)
        first = source.y + _port(leaving, target.y)
        last = target.y + _port(coming, source.y)
        begin, end = source.x + source.width, target.x
        bend = (begin + end) / 2
        path = f"M{begin:g} {first:g} C{bend:g} {first:g} {bend:g} {last:g} {end:g} {last:g}"
        arrows.append(Arrow(edge=edge, path=path))
    return arrows


def _port(others: Sequence[float], own: float) -> float:
    """How far down a side an arrow meets it, of so many; in the order of where they go."""
    return BOX_HEIGHT * (others.index(own) + 1) / (len(others) + 1)
