"""The built app -> its graph: topics, agents, tables with their changelog, and what the sink writes to."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    import faust

    from app.topics import Topics

#: The tables of ClickHouse that an agent's rows land in.
LANDING = ("events_in", "sessions_in")


class NodeKind(StrEnum):
    """What a node of the graph is."""

    TOPIC = "topic"
    AGENT = "agent"
    TABLE = "table"
    CHANGELOG = "changelog"
    LANDING = "landing"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the graph; ``table`` is the state table that it belongs to, empty where it is of none."""

    name: str
    kind: NodeKind
    table: str = ""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """What flows from ``source`` to ``target``; ``is_both_ways``: and back."""

    source: str
    target: str
    is_both_ways: bool = False


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes under distinct names, and the edges between them."""

    nodes: list[Node]
    edges: list[Edge]

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)


def graph_of(app: faust.App, topics: Topics) -> Graph:
    """The graph of a built app."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []

    def add(name: str, kind: NodeKind, *, table: str = "") -> str:
        nodes.setdefault(name, Node(name=name, kind=kind, table=table))
        return name

    loose = cast(Any, app)
    for one in loose.agents.values():
        agent = add(one.name.rpartition(".")[2], NodeKind.AGENT)
        for topic in sorted(one.channel.topics):
            edges.append(Edge(source=add(topic, NodeKind.TOPIC), target=agent))
        for name, table in loose.tables.items():
            add(name, NodeKind.TABLE, table=name)
            edges.append(Edge(source=agent, target=name, is_both_ways=True))
            changelog = add(table.changelog_topic_name, NodeKind.CHANGELOG, table=name)
            edges.append(Edge(source=name, target=changelog))
        edges += [Edge(source=agent, target=add(name, NodeKind.LANDING)) for name in LANDING]
        for topic in (topics.dead_letters, topics.sessions):
            edges.append(Edge(source=agent, target=add(topic, NodeKind.TOPIC)))
    return Graph(nodes=list(nodes.values()), edges=edges)
