"""The questions: how the product answers each, and the same in DuckDB's SQL over the same rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.funnel_settings import FunnelSettings, FunnelStep
from views.catalog import Interval
from views.page_list import PagesAsked
from views.params import Period, Scope
from views.performance.model import Measured, Vital
from views.queries import Queries
from views.stats.model import Asked, Is, Metric, Order, Step

SITE = "s0"
#: The last thirty of sixty days.
SCOPE = Scope(
    site_id=SITE, period=Period(since=date(2026, 1, 31), until=date(2026, 3, 2), zone=ZoneInfo("UTC"))
)
PAGE = "/page/7"
FUNNEL = FunnelSettings(
    title="Funnel",
    window_ms=3_600_000,
    steps=(
        FunnelStep(title="One", page="/page/1*"),
        FunnelStep(title="Two", page="/page/2*"),
        FunnelStep(title="Bought", event="$purchase"),
    ),
)
WHERE = (
    f"site_id = '{SITE}' AND local_date >= '{SCOPE.period.since}' AND local_date < '{SCOPE.period.until}' "
    "AND is_bot = 0"
)
TIMINGS = ("ttfb_ms", "fcp_ms", "lcp_ms", "inp_ms", "load_ms")
QUANTILES = ("p50", "p75", "p90", "p95", "p99")
LEVELS = "[0.5, 0.75, 0.9, 0.95, 0.99]"
FIGURES = ("visitors", "sessions", "bounce_rate", "session_duration_s", "conversion_rate")
_FIGURES = """approx_count_distinct(visitor_id) AS visitors, count(*) AS sessions,
    sum(is_bounce) / count(*) AS bounce_rate,
    sum(duration_ms) / count(*) / 1000 AS session_duration_s,
    count(*) FILTER (conversions > 0) / count(*) AS conversion_rate"""


#: What was measured, a row for each; the layout shift is in no report of these.
_MEASURES = (
    "SELECT * FROM (UNPIVOT (SELECT local_date, path, lcp_ms AS lcp, inp_ms AS inp, fcp_ms AS fcp, "
    "ttfb_ms AS ttfb, load_ms AS load FROM events "
    f"WHERE {WHERE} AND (name = '$web_vitals' OR event_type = 'page_view')) "
    "ON lcp, inp, fcp, ttfb, load INTO NAME vital VALUE value) WHERE value > 0"
)


CHANNEL = "Direct"
_VIEWED = "FILTER (e.event_type = 'page_view'"
_PAGES_OF_CHANNEL = f"""
    SELECT views, visitors, engaged / views / 1000, entries, exits,
        if(entries = 0, 0, bounces / entries)
    FROM (
        SELECT e.path AS path, count(*) {_VIEWED}) AS views,
            approx_count_distinct(s.visitor_id) {_VIEWED}) AS visitors, sum(e.engaged_ms) AS engaged,
            count(DISTINCT session_id) {_VIEWED} AND e.path = s.entry_path) AS entries,
            count(DISTINCT session_id) {_VIEWED} AND e.path = s.exit_path) AS exits,
            count(DISTINCT session_id) {_VIEWED} AND e.path = s.entry_path AND s.is_bounce = 1) AS bounces
        FROM events AS e JOIN sessions AS s USING (session_id)
        WHERE s.{WHERE.replace(" AND ", " AND s.")} AND s.channel = '{CHANNEL}' AND e.site_id = '{SITE}'
        GROUP BY e.path ORDER BY views DESC, path LIMIT 50
    )
"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """``ask`` answers with figures; ``duckdb``: statements whose rows' figures are the same, in order.

    Estimates of the two may differ by ``tolerance``. ``limit_ms``: what its 95th percentile is to keep.
    """

    name: str
    limit_ms: int
    ask: Callable[[Queries], Awaitable[list[float]]]
    duckdb: list[str]
    tolerance: float = 0.0


def questions() -> list[Question]:
    """Every question that is measured."""
    return [
        Question(
            name="overview, with channels and devices",
            limit_ms=25,
            ask=_overview,
            duckdb=[
                "SELECT approx_count_distinct(visitor_id), count(*) FILTER (event_type = 'page_view'), "
                f"count(*), sum(is_conversion), sum(revenue) FROM events WHERE {WHERE}",
                "SELECT count(*), sum(is_bounce) / count(*), avg(duration_ms) / 1000, "
                "median(duration_ms) / 1000, count(*) FILTER (conversions > 0) / count(*) "
                f"FROM sessions WHERE {WHERE}",
                _breakdown("channel"),
                _breakdown("device_class"),
            ],
            tolerance=0.1,
        ),
        Question(
            name="figures by day, with visitors",
            limit_ms=25,
            ask=_by_day,
            duckdb=[
                f"SELECT {', '.join(FIGURES)} FROM (SELECT local_date, {_FIGURES} FROM sessions "
                f"WHERE {WHERE} GROUP BY local_date) ORDER BY local_date",
                f"SELECT {_FIGURES} FROM sessions WHERE {WHERE}",
            ],
            tolerance=0.1,
        ),
        Question(
            name="breakdown by channel, with visitors",
            limit_ms=25,
            ask=_by("channel"),
            duckdb=[_breakdown("channel")],
            tolerance=0.1,
        ),
        Question(
            name="breakdown by country, with visitors",
            limit_ms=25,
            ask=_by("country"),
            duckdb=[_breakdown("country")],
            tolerance=0.1,
        ),
        Question(
            name="the 50 pages with most views",
            limit_ms=25,
            ask=_pages,
            duckdb=[
                "SELECT views, visitors, engaged / views / 1000, coalesce(entries, 0), coalesce(exits, 0), "
                "coalesce(bounces / entries, 0) FROM ("
                "SELECT path, count(*) FILTER (event_type = 'page_view') AS views, "
                "approx_count_distinct(visitor_id) FILTER (event_type = 'page_view') AS visitors, "
                f"sum(engaged_ms) AS engaged FROM events WHERE {WHERE} "
                "GROUP BY path ORDER BY views DESC, path LIMIT 50) AS v "
                "LEFT JOIN (SELECT entry_path AS path, count(*) AS entries, sum(is_bounce) AS bounces "
                f"FROM sessions WHERE {WHERE} AND page_views > 0 GROUP BY 1) AS n USING (path) "
                "LEFT JOIN (SELECT exit_path AS path, count(*) AS exits "
                f"FROM sessions WHERE {WHERE} AND page_views > 0 GROUP BY 1) AS x USING (path) "
                "ORDER BY views DESC, path"
            ],
            tolerance=0.1,
        ),
        Question(
            name="performance of a page",
            limit_ms=25,
            ask=_performance,
            duckdb=[
                "SELECT count(*) FILTER (event_type = 'page_view') AS views, "
                "approx_count_distinct(visitor_id) FILTER (event_type = 'page_view'), "
                "sum(engaged_ms) / views / 1000, avg(scroll_depth) FILTER (name = '$page_leave'), "
                f"{', '.join(f'quantile_cont({one}, {LEVELS}) FILTER ({one} > 0)' for one in TIMINGS)}, "
                f"quantile_cont(cls_10000 / 10000, {LEVELS}) FILTER (name = '$web_vitals') "
                f"FROM events WHERE {WHERE} AND path = '{PAGE}'",
                f"SELECT count(*) FILTER (entry_path = '{PAGE}') AS entries, "
                f"count(*) FILTER (exit_path = '{PAGE}'), "
                f"sum(is_bounce) FILTER (entry_path = '{PAGE}') / entries FROM sessions "
                f"WHERE {WHERE} AND page_views > 0 AND (entry_path = '{PAGE}' OR exit_path = '{PAGE}')",
            ],
            tolerance=0.1,
        ),
        Question(
            name="load times and web vitals by day",
            limit_ms=25,
            ask=_vitals_by_day,
            duckdb=[
                "SELECT samples, q[1], q[2], q[3] FROM (SELECT local_date, vital, count(*) AS samples, "
                f"quantile_cont(value, [0.5, 0.75, 0.95]) AS q FROM ({_MEASURES}) GROUP BY ALL) "
                "ORDER BY local_date, vital"
            ],
            tolerance=0.1,
        ),
        Question(
            name="the slowest pages by LCP",
            limit_ms=25,
            ask=_slowest,
            duckdb=[
                f"SELECT quantile_cont(value, 0.75) AS p75 FROM ({_MEASURES}) WHERE vital = 'lcp' "
                "GROUP BY path HAVING count(*) >= 100 ORDER BY p75 DESC LIMIT 50"
            ],
            tolerance=0.1,
        ),
        Question(
            name="the latest 50 sessions",
            limit_ms=25,
            ask=_sessions,
            duckdb=[
                "SELECT epoch_ms(started_at::TIMESTAMP) / 1000 FROM sessions "
                f"WHERE {WHERE} ORDER BY started_at DESC, session_id LIMIT 50"
            ],
            tolerance=1e-9,
        ),
        Question(
            name="events by hour",
            limit_ms=25,
            ask=_by_hour,
            duckdb=[
                "SELECT count(*) FROM events "
                f"WHERE {WHERE} GROUP BY date_trunc('hour', event_at) ORDER BY date_trunc('hour', event_at)"
            ],
        ),
        Question(
            name="the 50 pages with most views of one channel",
            limit_ms=500,
            ask=_pages_of_channel,
            duckdb=[_PAGES_OF_CHANNEL],
            tolerance=0.1,
        ),
        Question(
            name="sessions by channel that saw a page",
            limit_ms=500,
            ask=_of_a_page,
            duckdb=[
                "SELECT count(DISTINCT s.session_id) AS n "
                "FROM events AS e JOIN sessions AS s USING (session_id) "
                f"WHERE s.{WHERE.replace(' AND ', ' AND s.')} AND e.site_id = '{SITE}' "
                f"AND e.path = '{PAGE}' GROUP BY s.channel ORDER BY n DESC"
            ],
        ),
    ]


def _breakdown(dimension: str) -> str:
    return (
        f"SELECT {', '.join(FIGURES)} FROM (SELECT {dimension}, {_FIGURES} FROM sessions WHERE {WHERE} "
        f"GROUP BY {dimension}) ORDER BY sessions DESC"
    )


def _by(dimension: str) -> Callable[[Queries], Awaitable[list[float]]]:
    async def ask(queries: Queries) -> list[float]:
        order = Order(by=Metric.SESSIONS)
        metrics = [Metric(name) for name in FIGURES]
        found = await queries.stats(SCOPE, Asked(metrics=metrics, dimensions=[dimension], order=order))
        return [row.metrics[name] for row in found.rows for name in FIGURES]

    return ask


async def _by_day(queries: Queries) -> list[float]:
    metrics = [Metric(name) for name in FIGURES]
    found = await queries.stats(SCOPE, Asked(metrics=metrics, interval=Step.DAY))
    return [row.metrics[name] for row in (*found.rows, found.totals) for name in FIGURES]


async def _overview(queries: Queries) -> list[float]:
    found = await queries.overview(SCOPE)
    return [
        found.visitors,
        found.page_views,
        found.events,
        found.conversions,
        found.revenue,
        found.sessions,
        found.bounce_rate,
        found.session_duration_s,
        found.median_session_duration_s,
        found.conversion_rate,
        *(getattr(row, name) for row in (*found.sources, *found.devices) for name in FIGURES),
    ]


async def _pages(queries: Queries) -> list[float]:
    return await _listed(queries, PagesAsked(limit=50))


async def _pages_of_channel(queries: Queries) -> list[float]:
    return await _listed(queries, PagesAsked(limit=50, filter=Is(field="channel", value=CHANNEL)))


async def _listed(queries: Queries, asked: PagesAsked) -> list[float]:
    return [
        figure
        for row in (await queries.page_list(SCOPE, asked)).pages
        for figure in (
            row.page_views,
            row.visitors,
            row.engaged_s_per_view,
            row.entries,
            row.exits,
            row.bounce_rate,
        )
    ]


async def _performance(queries: Queries) -> list[float]:
    found = await queries.page_metrics(SCOPE, page=PAGE)
    return [
        found.page_views,
        found.visitors,
        found.engaged_s_per_view,
        found.scroll_depth,
        *(getattr(getattr(found, one), level) or 0 for one in (*TIMINGS, "cls") for level in QUANTILES),
        found.entries,
        found.exits,
        found.bounce_rate,
    ]


async def _vitals_by_day(queries: Queries) -> list[float]:
    found = await queries.performance(SCOPE, Measured(), interval=Step.DAY)
    return [
        figure
        for row in found.rows
        for _, one in sorted(row.vitals.items())
        for figure in (one.samples, one.p50, one.p75, one.p95)
    ]


async def _slowest(queries: Queries) -> list[float]:
    found = await queries.slow_pages(SCOPE, Measured(limit=50, min_samples=100), vital=Vital.LCP)
    return [page.measured.p75 for page in found.pages]


async def _sessions(queries: Queries) -> list[float]:
    found = await queries.sessions(SCOPE, limit=50)
    return [datetime.fromisoformat(str(row.started_at)).timestamp() for row in found.sessions]


async def _by_hour(queries: Queries) -> list[float]:
    found = await queries.series(SCOPE, interval=Interval.HOUR)
    return [point.events for point in found.points]


async def _of_a_page(queries: Queries) -> list[float]:
    asked = Asked(
        metrics=[Metric.SESSIONS],
        dimensions=["channel"],
        filter=Is(field="path", value=PAGE),
    )
    found = await queries.stats(SCOPE, asked)
    return [row.metrics["sessions"] for row in found.rows]
