"""The five arrivals of docs/COMPARISON.md through the pipeline and gold; its table states these figures."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.state import VisitorState
from tests.factories import HOUR, MINUTE, T0, event_id, plain_enrichment, record, rules
from tests.sql.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "COMPARISON.md"
SECOND = 1000
#: 2026-03-02 23:55 UTC.
EVENING = T0 + 13 * HOUR + 55 * MINUTE


class View(msgspec.Struct, frozen=True):
    """A page view, ``late`` ms on its way."""

    at: int
    late: int = 0


#: In the order of arrival.
ARRIVALS = {
    "late by 20 min": [View(T0), View(T0 + 20 * MINUTE), View(T0 + 10 * MINUTE, late=20 * MINUTE)],
    "over the clock hour": [View(T0 + 59 * MINUTE), View(T0 + 61 * MINUTE)],
    "over midnight": [View(EVENING), View(EVENING + 10 * MINUTE)],
    "out of order": [
        View(T0, late=100 * SECOND),
        View(T0 + 100 * SECOND),
        View(T0 + 50 * SECOND, late=51 * SECOND),
    ],
    "each event twice": [View(T0), View(T0), View(T0 + MINUTE), View(T0 + MINUTE, late=HOUR)],
}
FIGURES = """
SELECT site_id, sum(n), sum(bounced), sum(views), intDiv(sum(ms), 1000), countIf(n != 0)
FROM (
    SELECT
        site_id, sum(sessions) AS n, sum(bounces) AS bounced, sum(page_views) AS views, sum(duration_ms) AS ms
    FROM {db}.traffic_sources_daily
    GROUP BY site_id, local_date
)
GROUP BY site_id
"""
VIEWS = "SELECT site_id, sum(page_views) FROM {db}.daily_user_metrics GROUP BY site_id"


@pytest.fixture
def arrived(store: Store) -> Store:
    """The store after every arrival, a block for each, as the worker writes them."""
    for number, views in enumerate(ARRIVALS.values()):
        states: dict[bytes, VisitorState] = {}
        for offset, view in enumerate(views):
            block = BlockId(
                topic="t",
                epoch=0,
                partition=number,
                start=offset,
                end=offset,
                batch_id=event_id(),
            )
            # The same page view has the same id, however often it arrives.
            message = record(
                offset=offset,
                site_id=f"site{number}",
                event_id=event_id(view.at - T0 + 1),
                at=view.at,
                sent_at=view.at + view.late,
                received_at=view.at + view.late,
            )
            examined = [examine(message, rules=rules(), enrich=plain_enrichment)]
            folded = fold(examined, block=block, states=states, rules=rules())
            states |= folded.states
            store.insert(folded.events, token=block.token("events"))
            if folded.sessions:
                store.insert(folded.sessions, token=block.token("sessions"))
    return store


def test_the_pages_figures_are_those_of_gold(arrived: Store) -> None:
    names = {f"site{number}": name for number, name in enumerate(ARRIVALS)}
    told = {names[site]: tuple(map(int, figures)) for site, *figures in arrived.ask(FIGURES)}
    assert told == stated()
    assert {names[site]: views for site, views in arrived.ask(VIEWS)} == {
        name: figures[2] for name, figures in told.items()
    }


def stated() -> dict[str, tuple[int, ...]]:
    """Case -> sessions, bounces, page views, seconds, days: the table "Ours" of the page."""
    _, _, ours = PAGE.read_text(encoding="utf-8").partition("## Ours")
    table, _, _ = ours.partition("\n## ")
    rows = re.findall(r"^\| ([^|]+?) \|((?: \d+ \|)+)$", table, re.MULTILINE)
    return {name: tuple(map(int, re.findall(r"\d+", figures))) for name, figures in rows}
