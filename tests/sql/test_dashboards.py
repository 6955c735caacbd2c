"""The SQL of the Grafana dashboard, asked as Grafana asks it, with its macros replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from migrations.runner import migrate
from tests.sql.store import AT, DAY, MINUTE, Store, block, event, rejected, session, some_uuid

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/overview.json").read_text(encoding="utf-8"))
PANELS = {
    panel["title"]: panel["targets"][0] for panel in DASHBOARD["panels"] if "rawSql" in panel["targets"][0]
}
#: What is in the database below: two visitors, three page views, two sessions, a program, a refusal.
SHOWN: dict[str, list[tuple[Any, ...]]] = {
    "Visitors": [(2,)],
    "Page views": [(3,)],
    "Sessions": [(2,)],
    "Visitors and page views by day": [(2, 3)],
    "Sessions by channel": [("Direct", 1), ("Email", 1)],
    "Events by type": [("page_view", 3)],
    "Bounce rate": [(0.5,)],
    "Mean session duration": [(30.0,)],
    "Top pages": [("/a", 2, 2), ("/b", 1, 1)],
    "Bots by kind": [("monitor", 1)],
    "Refused and repeated events": [(1, 0)],
}


@pytest.fixture(scope="module")
def filled(client: Client) -> Iterator[Store]:
    store = Store(client, "dashboards")
    migrate(client, database=store.database)
    within = block()
    store.insert(
        [
            event(within),
            event(within, offset=1, visitor_id="v2"),
            event(within, offset=2, visitor_id="v2", path="/b", event_at=AT + MINUTE),
            event(within, offset=3, visitor_id="b1", is_bot=1, bot_reasons=64, bot_kind="monitor"),
            event(within, offset=4, site_id="other"),
            rejected(within, offset=5),
        ]
    )
    stayed = {"session_id": some_uuid(), "visitor_id": "v2", "is_bounce": 0, "duration_ms": MINUTE}
    store.insert([session(within), session(within, channel="Email", **stayed)])
    client.database = store.database
    yield store
    client.command(f"DROP DATABASE {store.database}")


@pytest.mark.parametrize("title", SHOWN)
def test_a_panel_shows_what_was_written(filled: Store, title: str) -> None:
    target = PANELS[title]
    answer = filled.client.query(asked(target["rawSql"]))
    rows = [tuple(row) for row in answer.result_rows]
    if target["queryType"] == "timeseries":
        assert answer.column_names[0] == "time"
        assert {f"{row[0]:%Y-%m-%d}" for row in rows} == {DAY}
        rows = [row[1:] for row in rows]
    assert rows == SHOWN[title]


def test_the_age_of_the_latest_row_is_that_of_this_test(filled: Store) -> None:
    ((seconds,),) = filled.ask(asked(PANELS["Since the latest event was written"]["rawSql"]))
    assert 0 <= seconds < 3600


def test_every_panel_is_held_to_something() -> None:
    assert set(PANELS) == {*SHOWN, "Since the latest event was written"}


def test_sites_can_be_chosen(filled: Store) -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert filled.ask(variable["query"]) == [("other",), ("shop",)]


def asked(sql: str) -> str:
    """The query as Grafana sends it: macros of the plugin and of the dashboard's variable replaced."""
    sql = re.sub(r"\$__dateFilter\((\w+)\)", rf"\1 >= toDate('{DAY}') AND \1 <= toDate('{DAY}')", sql)
    since, until = AT // 1000 - 3600, AT // 1000 + 3600
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= toDateTime({since}) AND \1 <= toDateTime({until})", sql)
    sql = sql.replace("${site:sqlstring}", "'shop'")
    assert "$" not in sql
    return sql
