"""A migrated database of the test's own, rows put into it as the sink does, and the questions asked of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_asyncio

from app.adapters.clickhouse import QueryPool, open_client
from app.embedded.engine import ChdbEngine
from app.events.rows import EventRow, SessionRow
from app.funnel_settings import FunnelSettings, FunnelStep
from app.settings import Settings
from app.site_settings import SiteSettings
from migrations.runner import migrate
from tests.integration.engines import engine, settings_for
from tests.sql.store import Store, block, event, rejected, session
from views.params import Bots, Period, Scope
from views.queries import Queries

__all__ = ["Asked", "asked", "engine", "migrated"]

ZONES = {
    "shop": "Europe/Berlin",
    "saas": "Asia/Kolkata",
    "surf": "America/Sao_Paulo",
    "utc": "UTC",
    "isle": "Australia/Lord_Howe",
    "york": "America/New_York",
    "peak": "Asia/Kathmandu",
}
_databases = itertools.count(1)


class Asked(msgspec.Struct, kw_only=True):
    """The store under question: write with ``events`` and ``sessions``, ask ``queries``."""

    store: Store
    queries: Queries
    pool: QueryPool
    settings: Settings

    def events(self, *rows: dict[str, Any]) -> None:
        """Accepted events, in one block; ``at`` is their time, the local date follows from it."""
        within = block(end=max(9, len(rows)))
        made = [event(within, **{"offset": number, **timed(row)}) for number, row in enumerate(rows)]
        self.insert(made)

    def sessions(self, *rows: dict[str, Any]) -> list[SessionRow]:
        """Statements of sessions, in one block; ``at`` is when they began."""
        within = block()
        made = [session(within, **began(row)) for row in rows]
        self.insert(made)
        return made

    def refused(self, *rows: dict[str, Any], partition: int = 0, start: int = 0) -> None:
        """Refused events, in one block from offset ``start`` on."""
        within = block(start=start, end=start + len(rows), partition=partition)
        self.insert([rejected(within, offset=start + number, **row) for number, row in enumerate(rows)])

    def insert(self, rows: list[EventRow] | list[SessionRow]) -> None:
        self.store.insert(rows)

    def funnels(self, **funnels: FunnelSettings) -> Queries:
        """The questions, with these funnels."""
        settings = self.settings.model_copy(update={"funnels": funnels})
        return Queries(self.pool, settings=settings)


def listened(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are asked from now on, as they come."""
    statements: list[str] = []
    ask = asked.queries.reader.ask

    async def listening(sql: str, values: Any) -> Any:
        statements.append(sql)
        return await ask(sql, values)

    monkeypatch.setattr(asked.queries.reader, "ask", listening)
    return statements


@pytest.fixture(scope="module")
def migrated(engine: ChdbEngine) -> Iterator[Store]:
    """A database of the module's with the schema: to migrate takes longer than most tests."""
    client = open_client(settings_for(engine.url), readonly=False)
    store = Store(client, f"asked{next(_databases)}")
    migrate(client, database=store.database)
    yield store
    client.command(f"DROP DATABASE {store.database}")
    client.close()


@pytest_asyncio.fixture
async def asked(engine: ChdbEngine, migrated: Store) -> AsyncIterator[Asked]:
    """The database, with nothing in it."""
    for table in [
        "definitions",
        "visitor_spans",
        "page_sequences",
        "erasures_under_way",
        *(name for name, parts in migrated.parts().items() if parts),
    ]:
        migrated.run(f"TRUNCATE TABLE {{db}}.{table}")
    settings = Settings(
        clickhouse=settings_for(engine.url, migrated.database),
        sites={site: SiteSettings(timezone=zone) for site, zone in ZONES.items()},
    )
    pool = QueryPool(settings.clickhouse)
    queries = Queries(pool, settings=settings)
    yield Asked(store=migrated, queries=queries, pool=pool, settings=settings)
    await queries.close()
    await pool.close()


def ms(text: str) -> int:
    """``2026-03-29T00:30Z`` in ms since 1970."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def local_day(at: int, site: str) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ZONES[site])).date().isoformat()


def timed(row: dict[str, Any]) -> dict[str, Any]:
    """An event's fields with its times."""
    at = _at(row)
    times = {"event_at": at, "occurred_at": at, "sent_at": at, "received_at": at}
    day = {"local_date": local_day(at, row.get("site_id", "shop"))}
    return {**times, **day, **{name: value for name, value in row.items() if name != "at"}}


def began(row: dict[str, Any]) -> dict[str, Any]:
    """A session's fields with its times."""
    at = _at(row)
    times = {"started_at": at, "ended_at": at + row.get("duration_ms", 0)}
    day = {"local_date": local_day(at, row.get("site_id", "shop"))}
    return {**times, **day, **{name: value for name, value in row.items() if name != "at"}}


def scope(
    site: str = "shop",
    since: str = "2026-03-01",
    until: str = "2026-04-01",
    *,
    bots: Bots = Bots.EXCLUDE,
) -> Scope:
    """A site's March of 2026, unless told otherwise."""
    period = Period(
        since=date.fromisoformat(since), until=date.fromisoformat(until), zone=ZoneInfo(ZONES[site])
    )
    return Scope(site_id=site, period=period, bots=bots)


def funnel(*steps: str, window_ms: int = 3_600_000) -> FunnelSettings:
    """A funnel: a step that begins with ``/`` is a page, another an event."""
    made = [FunnelStep(title=step, **{"page" if step.startswith("/") else "event": step}) for step in steps]
    return FunnelSettings(title="Funnel", window_ms=window_ms, steps=tuple(made))


def _at(row: dict[str, Any]) -> int:
    at = row.get("at", "2026-03-10T12:00Z")
    return at if isinstance(at, int) else ms(at)
