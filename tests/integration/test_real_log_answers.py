"""Ten thousand real requests: every analysis against a recount of the log's text that shares no code with it.

All requests count, those of programs too, so that nothing hangs on who is taken for one. Pages and crawlers
of the same log stand in test_pages_of_a_real_log.py. An access log has no clicks, no variants and no revenue:
heatmaps and experiments lay made-up ones over its visits (tests/sql).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_asyncio

from app.adapters.clickhouse import QueryPool, open_client
from app.embedded.engine import ChdbEngine
from app.settings import Settings
from tests import oracle_cohorts
from tests.answering import Asked, scope
from tests.integration.engines import settings_for
from tests.integration.test_replay_command import replay
from tests.oracle_attribution import journeys
from tests.oracle_cohorts import Chosen
from tests.oracle_funnels import by_walker, ordered, strict
from tests.oracle_stats import Visit, answer
from tests.real_log import DAYS, REAL_LOG, SITE, Request, requests, timeline, visits, with_real_log
from tests.sql.store import Store
from tests.sql.test_attribution import agrees
from tests.sql.test_journeys import check_flow, check_paths
from tests.sql.test_retention_grid import check
from tests.timelines import Visit as Timeline
from views.attribution.model import MOST_NAMED, AttributionAsked
from views.catalog import SessionOrder
from views.cohorts.calendar import Cadence
from views.cohorts.model import Measure, RetentionAsked
from views.funnels.model import FunnelAsked, FunnelDefinition
from views.goals import GOAL, GoalAsked
from views.happenings import Happening, Target
from views.journeys.model import Direction, Journeys
from views.params import Bots
from views.queries import Queries
from views.session_list import parse_cursor
from views.stats import model as stats

pytestmark = [
    pytest.mark.asyncio,
    with_real_log,
]

PERIOD = scope(SITE, *DAYS, bots=Bots.INCLUDE)
XDOTOOL = "/projects/xdotool/"
HOUR = 3_600_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """An engine over what the log became."""
    data = tmp_path_factory.mktemp("log")
    options = ("--format", "combined", "--site", SITE, "--visitor", "ip", "--pages", "all")
    assert replay(REAL_LOG, *options, "--data", data)["accepted"] == 10_000
    with ChdbEngine(data / "clickhouse") as engine:
        yield engine


@pytest_asyncio.fixture
async def asked(engine: ChdbEngine) -> AsyncIterator[Asked]:
    settings = Settings(clickhouse=settings_for(engine.url, "wua"))
    client = open_client(settings.clickhouse, readonly=False)
    pool = QueryPool(settings.clickhouse)
    queries = Queries(pool, settings=settings)
    yield Asked(store=Store(client, "wua"), queries=queries, pool=pool, settings=settings)
    await pool.close()
    client.close()


@pytest.fixture(scope="module")
def log() -> list[Request]:
    return requests(Path(REAL_LOG))


@pytest.fixture(scope="module")
def seen(log: list[Request]) -> list[Visit]:
    return visits(log)


@pytest.fixture(scope="module")
def lines(log: list[Request]) -> list[Timeline]:
    return timeline(log)


METRICS = ["visitors", "sessions", "page_views", "events", "bounce_rate", "session_duration_s"]
VIEWED = {"op": "contains", "field": "path", "value": "xdotool"}
GOOGLE = {"op": "is", "field": "source", "value": "google"}


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"interval": "day"},
        {"interval": "hour"},
        {"dimensions": ["source"]},
        {"dimensions": ["referrer_host"], "interval": "day"},
        {"dimensions": ["entry_path"]},
        {"dimensions": ["exit_path"], "filter": GOOGLE},
        {"dimensions": ["path"]},
        {"dimensions": ["source"], "filter": VIEWED},
        {"filter": {"op": "and", "filters": [GOOGLE, {"op": "not", "filter": VIEWED}]}, "interval": "day"},
    ],
    ids=str,
)
async def test_numbers_by_what_the_log_tells(
    asked: Asked, seen: list[Visit], question: dict[str, Any]
) -> None:
    expected = recounted(seen, METRICS, **question)
    assert expected
    found = await asked.queries.stats(PERIOD, converted(METRICS, **question))
    assert found.next_cursor is None
    rows = {key_of(row): row.metrics for row in found.rows if row.metrics["sessions"]}
    assert rows.keys() == expected.keys()
    assert all(row == pytest.approx(expected[key]) for key, row in rows.items())


async def test_numbers_by_device(asked: Asked, seen: list[Visit]) -> None:
    """By the systems that a user agent names plainly; what the others are is ua-parser's to say."""
    expected = recounted(seen, METRICS, dimensions=["os"])
    del expected["",]
    found = await asked.queries.stats(PERIOD, converted(METRICS, dimensions=["os"]))
    rows = {key_of(row): row.metrics for row in found.rows}
    assert len(expected) == 4
    assert {key: rows[key] for key in expected} == {key: pytest.approx(row) for key, row in expected.items()}


def recounted(
    seen: list[Visit], metrics: list[str], **question: Any
) -> dict[tuple[str, ...], dict[str, float]]:
    since, until = (date.fromisoformat(day) for day in DAYS)
    return answer(seen, zone=ZoneInfo("UTC"), since=since, until=until, metrics=metrics, **question)


def converted(metrics: list[str], **question: Any) -> stats.Asked:
    return msgspec.convert({"metrics": metrics, "limit": 10_000, **question}, stats.Asked)


def key_of(row: stats.StatsRow) -> tuple[str, ...]:
    return (*([row.at] if row.at else []), *row.dimensions.values())


async def test_the_list_of_sessions(asked: Asked, seen: list[Visit]) -> None:
    listed, cursor = [], None
    while True:
        page = await asked.queries.sessions(
            PERIOD,
            order=SessionOrder.OLDEST,
            limit=1000,
            cursor=None if cursor is None else parse_cursor(cursor, order=SessionOrder.OLDEST),
        )
        listed += page.sessions
        cursor = page.next_cursor
        if cursor is None:
            break
    facts = ("entry_path", "exit_path", "source", "referrer_host")
    assert Counter(
        (
            int(one.started_at.timestamp() * 1000),
            one.duration_s * 1000,
            one.page_views,
            one.is_bounce,
            *(getattr(one, name) for name in facts),
        )
        for one in listed
    ) == Counter(
        (one.at, one.duration_ms, len(one.did), one.is_bounce, *(one.facts[name] for name in facts))
        for one in seen
    )
    times = [one.started_at for one in listed]
    assert times == sorted(times)


@pytest.mark.parametrize("mode", ["ordered", "strict"])
@pytest.mark.parametrize("per", ["visitor", "session"])
@pytest.mark.parametrize(
    ("pages", "window"),
    [(("/", "/projects/*", "/images/*"), "1h"), ((XDOTOOL, "/projects/xdotool/xdotool.xhtml"), "1d")],
)
async def test_a_funnel_of_its_pages(
    asked: Asked, lines: list[Timeline], mode: str, per: str, pages: tuple[str, ...], window: str
) -> None:
    steps = [{"title": page, "page": page} for page in pages]
    definition = msgspec.convert(
        {"title": "Funnel", "steps": steps, "mode": mode, "per": per, "window": window}, FunnelDefinition
    )
    found = await asked.queries.funnel_of(PERIOD, definition=definition, funnel_id="it", asked=FunnelAsked())
    rows = [
        {"at": hit.at, "path": hit.path, "visitor": visit.visitor, "session": number}
        for number, visit in enumerate(lines)
        for hit in visit.hits
    ]
    takes = [lambda row, page=page: is_page(row["path"], page) for page in pages]
    window_ms = {"1h": HOUR, "1d": 24 * HOUR}[window]
    walks = []
    for events in by_walker(rows, key=per).values():
        if mode == "strict":
            walks.append(strict(events, takes, window_ms=window_ms))
        else:
            some = [row for row in events if any(take(row) for take in takes)]
            walks.append(ordered(some, takes, window_ms=window_ms))
    counts = [sum(len(walk) > step for walk in walks) for step in range(len(pages))]
    assert [step.visitors for step in found.steps] == counts
    assert counts[1]


def is_page(path: str, page: str) -> bool:
    return path.startswith(page[:-1]) if page.endswith("*") else path == page


async def test_journeys_through_it(asked: Asked, lines: list[Timeline]) -> None:
    where = {"site": SITE, "since": DAYS[0], "until": DAYS[1], "bots": Bots.INCLUDE}
    for anchor, direction in (
        (Target(), Direction.AFTER),
        (Target(), Direction.BEFORE),
        (Target(page=XDOTOOL), Direction.AFTER),
        (Target(page="/projects/*"), Direction.BEFORE),
    ):
        question = Journeys(anchor=anchor, direction=direction, depth=4, limit=30)
        await check_paths(asked, lines, question, **where)
        await check_flow(asked, lines, question, **where)
    around = Journeys(anchor=Target(page=XDOTOOL), direction=Direction.BOTH, depth=3, limit=10)
    await check_flow(asked, lines, around, **where)


ANYTHING: Chosen = lambda visit, hit: True  # noqa: E731
PROJECTS: Chosen = lambda visit, hit: hit.path.startswith("/projects/")  # noqa: E731
CHOICES = [(ANYTHING, ANYTHING), (PROJECTS, ANYTHING), (ANYTHING, PROJECTS)]
SAID = {ANYTHING: Happening(), PROJECTS: Happening(page="/projects/*")}
EVERY_DAY = oracle_cohorts.intervals(*(date.fromisoformat(day) for day in DAYS), "day")


@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize(
    ("start", "back"), [(ANYTHING, ANYTHING), (PROJECTS, ANYTHING), (ANYTHING, PROJECTS)]
)
async def test_cohorts_of_its_four_days(
    asked: Asked, lines: list[Timeline], measure: Measure, start: Chosen, back: Chosen
) -> None:
    question = RetentionAsked(
        interval=Cadence.DAY,
        start=SAID[start],
        comes_back=SAID[back],
        measure=measure,
        dimension="os",
        limit=100,
    )
    found = await asked.queries.retention(PERIOD, question)
    rows = oracle_cohorts.returns(lines, EVERY_DAY, "day", start=start, back=back)
    # Channels are not the log's to tell: all visitors are in one group.
    alone = msgspec.structs.replace(found, groups=[msgspec.structs.replace(found.total, value="Direct")])
    check(alone, rows, EVERY_DAY, measure)
    assert sum(group.size for group in found.groups) == found.total.size == len(rows)
    assert any(cohort.returned[1] for cohort in found.cohorts[:-1])


@pytest.mark.parametrize(
    ("activity", "active"), [(Happening(), ANYTHING), (Happening(page="/projects/*"), PROJECTS)]
)
async def test_who_was_new_came_again_or_stayed_away(
    asked: Asked, lines: list[Timeline], activity: Happening, active: Chosen
) -> None:
    found = await asked.queries.lifecycle(PERIOD, interval=Cadence.DAY, activity=activity)
    expected = oracle_cohorts.lifecycle(lines, EVERY_DAY, "day", active)
    names = ("active", "new", "returning", "resurrected", "dormant", "newly_dormant")
    assert [{name: getattr(row, name) for name in names} for row in found.rows] == [
        {name: row[name] for name in names} for row in expected
    ]
    assert found.rows[-1].resurrected


@pytest.mark.parametrize("by", ["source", "referrer_host"])
async def test_what_led_to_a_page(asked: Asked, seen: list[Visit], by: str) -> None:
    since, until = (date.fromisoformat(day) for day in DAYS)
    goal = {"filter": {"op": "is", "field": "path", "value": XDOTOOL}}
    question = {"by": by, "goal": goal, "keys": MOST_NAMED, "half_life_days": 1, "look_back_days": 2}
    found = await asked.queries.attribution(PERIOD, msgspec.convert(question, AttributionAsked))
    expected = journeys(
        seen,
        [],
        zone=ZoneInfo("UTC"),
        since=since,
        until=until,
        look_back_days=2,
        counts=lambda did: did.path == XDOTOOL,
    )
    assert any(len(one.visits) > 2 for one in expected if one.is_conversion)
    agrees(found, expected, by=by, half_life_days=1)


async def test_a_goal_that_is_a_page(asked: Asked, seen: list[Visit]) -> None:
    made = msgspec.convert({"title": "xdotool", "page": "/projects/xdotool/*", "value": 2.5}, GOAL.body)
    await asked.queries.definitions.create(GOAL, made, site_id=SITE, definition_id="xdotool", now_ms=HOUR)
    found = await asked.queries.goal(
        PERIOD, goal_id="xdotool", asked=GoalAsked(breakdown="source", limit=1000)
    )
    groups: dict[str | None, list[Visit]] = {None: seen}
    for visit in seen:
        groups.setdefault(visit.facts["source"], []).append(visit)
    assert {None: figures(found.total), **{row.value: figures(row) for row in found.breakdown}} == {
        value: goal_of(some) for value, some in groups.items()
    }
    assert found.total.revenue == 2.5 * found.total.conversions


def figures(found: Any) -> tuple[int, ...]:
    names = ("sessions", "visitors", "conversions", "converted_sessions", "converted_visitors")
    return tuple(getattr(found, name) for name in names)


def goal_of(some: list[Visit]) -> tuple[int, ...]:
    times = [sum(did.path.startswith(XDOTOOL) for did in visit.did) for visit in some]
    converted = [visit for visit, count in zip(some, times, strict=True) if count]
    people = [len({visit.visitor for visit in visits}) for visits in (some, converted)]
    return len(some), people[0], sum(times), len(converted), people[1]
