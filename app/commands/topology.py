"""``wua topology``: the real graph as Mermaid."""

from __future__ import annotations

import argparse
from typing import Any, cast

from app import settings
from app.core.rules import SiteRules
from app.errors import WuaError
from app.events.enriched import Enrichment
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.topology import Topology, build


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("topology", help="draw the processing graph as Mermaid")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the diagram."""
    print(mermaid(build(settings.load(), enrich=_no_enrichment, on_fatal=_raise)))
    return 0


def mermaid(topology: Topology) -> str:
    """The built app as a flowchart: topics, agents, tables with their changelog, and the sink's tables."""
    app, names = cast(Any, topology.app), topology.topics
    lines = ["flowchart LR"]
    for agent in app.agents.values():
        node = agent.name.rpartition(".")[2]
        lines.append(f"  {node}[[agent {node}]]")
        for topic in sorted(agent.channel.topics):
            lines.append(f"  {_id(topic)}([topic {topic}]) --> {node}")
        for name, table in app.tables.items():
            changelog = table.changelog_topic_name
            lines.append(f"  {node} <--> {name}[(table {name}, RocksDB)]")
            lines.append(f"  {name} --> {_id(changelog)}([changelog {changelog}])")
        lines.append(f"  {node} --> events_in[/events_in/]")
        lines.append(f"  {node} --> sessions_in[/sessions_in/]")
        lines += [
            f"  {node} --> {_id(name)}([topic {name}])" for name in (names.dead_letters, names.sessions)
        ]
    return "\n".join(lines)


def _id(topic: str) -> str:
    return topic.replace(".", "_").replace("-", "_")


def _no_enrichment(event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
    raise WuaError(f"the graph is only drawn, not run: {event.event_id} of {site}")


def _raise(error: Exception) -> None:
    raise error
