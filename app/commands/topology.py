"""``wua topology``: the real graph as Mermaid."""

from __future__ import annotations

import argparse
from typing import Any

from app import settings
from app.core.rules import SiteRules
from app.errors import WuaError
from app.events.enriched import Enrichment
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.topology import Topology, build
from web.inspect.graph import NodeKind, graph_of


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "topology",
        description="Prints the processing graph, as it is built from the settings, as a Mermaid flowchart.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the diagram."""
    print(mermaid(build(settings.load(), enrich=_no_enrichment, on_fatal=_raise)))
    return 0


#: How Mermaid draws a node: its shape, and what stands in it.
SHAPES = {
    NodeKind.AGENT: "[[agent {}]]",
    NodeKind.TOPIC: "([topic {}])",
    NodeKind.TABLE: "[(table {}, RocksDB)]",
    NodeKind.CHANGELOG: "([changelog {}])",
    NodeKind.LANDING: "[/{}/]",
}


def mermaid(topology: Topology) -> str:
    """The built app as a flowchart: topics, agents, tables with their changelog, and the sink's tables."""
    graph = graph_of(topology.app, topology.topics)
    drawn: set[str] = set()

    def draw(name: str) -> str:
        shape = "" if name in drawn else SHAPES[graph.node(name).kind].format(name)
        drawn.add(name)
        return name.replace(".", "_").replace("-", "_") + shape

    lines = ["flowchart LR"]
    lines += [f"  {draw(node.name)}" for node in graph.nodes if node.kind == NodeKind.AGENT]
    for edge in graph.edges:
        arrow = "<-->" if edge.is_both_ways else "-->"
        lines.append(f"  {draw(edge.source)} {arrow} {draw(edge.target)}")
    return "\n".join(lines)


def _no_enrichment(event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
    raise WuaError(f"the graph is only drawn, not run: {event.event_id} of {site}")


def _raise(error: Exception) -> None:
    raise error
