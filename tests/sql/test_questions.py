"""Every question of docs/SQL.md, asked of generated visits and counted again without a database."""

from __future__ import annotations

import math
import random
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.adapters.clickhouse import QueryPool
from app.events.rows import EventRow, SessionRow
from app.settings import Settings
from migrations import comments
from tests.answering import ZONES, Asked, engine, migrated, ms
from tests.oracle_questions import ANSWERS, Seen
from tests.sql.store import Store
from tests.visits import some_visit, tell
from views.queries import Queries

__all__ = ["engine", "migrated"]

TEXT = (Path(__file__).parents[2] / "docs" / "SQL.md").read_text(encoding="utf-8")
QUESTIONS = {
    int(number): sql
    for number, sql in re.findall(r"^### (\d+)\. .*?```sql\n(.*?)```", TEXT, flags=re.MULTILINE | re.DOTALL)
}
#: A site in half an hour's zone where clocks change by half an hour, one west of UTC, one by the book.
PERIODS = {
    "isle": (date(2026, 3, 20), date(2026, 4, 11)),
    "york": (date(2026, 3, 1), date(2026, 3, 15)),
    "peak": (date(2025, 12, 22), date(2026, 1, 9)),
}
VISITS = 150
DAY = 86_400_000


class InParts(Asked):
    """Writes rows in two blocks: within one, the engine takes a statement and its retraction out at once."""

    def insert(self, rows: list[EventRow] | list[SessionRow]) -> None:
        for part in (rows[::2], rows[1::2]):
            self.store.insert(part)


@pytest.fixture(scope="module")
def told(migrated: Store) -> tuple[Store, dict[str, Seen]]:
    """Visits of each site, more days than are asked about, with statements taken back and sessions merged."""
    comments.apply(migrated.client, database=migrated.database)
    dice = random.Random(20)
    settings = Settings()
    pool = QueryPool(settings.clickhouse)
    # What is taken back must still be there when the questions are asked.
    migrated.freeze()
    asked = InParts(store=migrated, queries=Queries(pool, settings=settings), pool=pool, settings=settings)
    seen = {}
    for site, (since, until) in PERIODS.items():
        begin, end = ms(f"{since}T00:00Z") - 3 * DAY, ms(f"{until}T00:00Z") + DAY
        visits = [some_visit(dice, since=begin, until=end, visitors=40) for _ in range(VISITS)]
        tell(asked, visits, dice, site=site)
        seen[site] = Seen(visits, zone=ZoneInfo(ZONES[site]), since=since, until=until)
    migrated.client.database = migrated.database
    return migrated, seen


def test_there_is_something_to_take_back_and_to_resolve(told: tuple[Store, dict[str, Seen]]) -> None:
    store, _ = told
    assert store.one("SELECT countIf(sign = -1) FROM {db}.sessions_silver") > 50
    dead = "session_id IN (SELECT session_id FROM {db}.session_merges)"
    assert store.one(f"SELECT count() FROM {{db}}.user_behavior_silver WHERE {dead}") > 10


def test_there_are_twenty_five_questions_and_a_recount_of_each() -> None:
    assert sorted(QUESTIONS) == sorted(ANSWERS) == list(range(1, 26))


@pytest.mark.parametrize("site", PERIODS)
@pytest.mark.parametrize("number", ANSWERS)
def test_the_answer_is_what_a_recount_finds(
    told: tuple[Store, dict[str, Seen]], number: int, site: str
) -> None:
    store, seen = told
    expected = ANSWERS[number](seen[site])
    assert expected
    found = ask(store, QUESTIONS[number], site=site)
    assert len(found) == len(expected)
    assert [pair for pair in zip(found, expected, strict=True) if not same(*pair)] == []


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_site_without_events_has_no_numbers(told: tuple[Store, dict[str, Seen]], number: int) -> None:
    store, _ = told
    rows = ask(store, QUESTIONS[number], site="utc", since=date(2026, 3, 1), until=date(2026, 3, 2))
    assert all(not value or math.isnan(value) for row in rows for value in row)


def test_tables_and_views_that_the_page_names_exist(migrated: Store) -> None:
    known = {name for (name,) in migrated.ask("SELECT name FROM system.tables WHERE database = '{db}'")}
    (table,) = re.findall(r"^## Which table.*?^## ", TEXT, flags=re.MULTILINE | re.DOTALL)
    rows = [row for row in table.splitlines() if row.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([a-z]\w+)`", row)}
    assert len(named) > 15
    assert named - known == set()


def ask(store: Store, sql: str, *, site: str, **period: date) -> list[tuple[Any, ...]]:
    since, until = PERIODS.get(site, (date(2026, 3, 1), date(2026, 3, 2)))
    bound = {"site": site, "since": since, "until": until, "zone": ZONES[site], **period}
    used = {name: str(value) for name, value in bound.items() if f"{{{name}:" in sql}
    return [tuple(map(plain, row)) for row in store.client.query(sql, parameters=used).result_rows]


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def same(row: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Equal, and numbers but for what floating point makes of them."""
    return len(row) == len(wanted) and all(
        mine == theirs if isinstance(theirs, str | date | datetime) else mine == pytest.approx(theirs)
        for mine, theirs in zip(row, wanted, strict=True)
    )
