"""The graph as it is built: topics, agent, table; and the rules that the settings say."""

from __future__ import annotations

import socket
import threading

import pytest
from faust.types import TP

from app.adapters.flow_control import FlowGate
from app.adapters.rules import rules_of
from app.commands.topology import mermaid
from app.settings import Settings
from app.topology import build
from tests.factories import plain_enrichment


def built(**settings):
    def fail(error):
        raise error

    return build(Settings(**settings), enrich=plain_enrichment, on_fatal=fail)


def test_one_agent_reads_the_events_and_one_table_keeps_the_visitors():
    topology = built(broker={"partitions": 7, "events_topic": "clicks"})
    (agent,) = topology.app.agents.values()
    assert sorted(agent.channel.topics) == ["clicks"]
    (table,) = topology.app.tables.values()
    assert (table.name, table.partitions) == ("visitors", 7)


def test_the_table_is_shown_by_its_codec_while_the_changelog_is_read_as_bytes():
    topology = built()
    (table,) = topology.app.tables.values()
    assert table.value_serializer is topology.windows.codec
    assert table.changelog_topic.value_serializer == "raw"


@pytest.mark.parametrize(("settings", "replicas"), [({}, 0), ({"app": {"standby_replicas": 1}}, 1)])
def test_standby_replicas_are_used_where_they_are_asked_for(settings, replicas):
    assert built(**settings).app.conf.table_standby_replicas == replicas


def test_every_queue_stands_behind_the_gate_that_drops_nothing_while_it_is_open():
    app = built().app
    assert isinstance(app.flow_control, FlowGate)
    assert app.tables.changelog_queue._flow_control is app.flow_control


def test_the_drawing_names_every_topic_the_agent_and_the_table():
    drawn = mermaid(built())
    for name in ("web_events", "web_events.dead_letter", "ingest", "visitors", "visitors-changelog"):
        assert name in drawn
    assert drawn.startswith("flowchart LR")


def test_the_design_shows_the_drawing():
    with open("docs/DESIGN.md", encoding="utf-8") as design:
        assert mermaid(built()) in design.read()


@pytest.mark.parametrize(
    ("own", "gap_ms", "cap_ms", "split"),
    [
        ({}, 1_800_000, 86_400_000, False),
        ({"gap_ms": 600_000, "split_at_midnight": True}, 600_000, 86_400_000, True),
    ],
)
def test_a_site_may_have_session_rules_of_its_own(own, gap_ms, cap_ms, split):
    rules = rules_of(Settings(sites={"shop": {"sessions": own}})).sessions_of("shop")
    assert (rules.gap_ms, rules.cap_ms, rules.split_at_midnight) == (gap_ms, cap_ms, split)


def test_a_window_is_reachable_for_the_longest_gap_and_grace_of_any_site():
    rules = rules_of(Settings(sites={"shop": {"sessions": {"grace_ms": 172_800_000}}}))
    assert rules.reach_ms == 1_800_000 + 172_800_000 + 60_000


def test_building_reads_and_writes_nothing(tmp_path, monkeypatch):
    """Nobody listens at the broker and at ClickHouse, and the directory is not made."""
    data_dir = tmp_path / "data"
    threads = threading.active_count()
    monkeypatch.setattr(socket.socket, "connect", None)
    topology = built(
        app={"data_dir": data_dir},
        broker={"url": "kafka://127.0.0.1:1"},
        clickhouse={"url": f"chdb://{tmp_path / 'clickhouse'}"},
    )
    assert topology.topics.events == "web_events"
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


@pytest.mark.asyncio
async def test_what_is_remembered_of_a_revoked_partition_is_forgotten():
    topology = built()
    forgotten = []
    topology.windows.forget = forgotten.append
    revoked = {TP("web_events", 2), TP("web_events", 0), TP("web-user-analytics-visitors-changelog", 1)}
    await topology.app.on_partitions_revoked.send(revoked)
    assert sorted(forgotten) == [0, 2]
