"""The analyses: who comes back, where people go, who gets how far, what led to conversions."""

from __future__ import annotations

from app.core.attribution.models import Model
from bench.questions.asked import FUNNEL, SCOPE, SITE, WHERE, Question
from views.attribution.model import AttributionAsked
from views.cohorts.model import RetentionAsked
from views.happenings import Happening
from views.journeys.model import Journeys
from views.queries import Queries
from views.stats.model import Asked, Metric

LIMIT_MS = 500
RULES = (Model.FIRST_TOUCH, Model.LAST_TOUCH, Model.LAST_NON_DIRECT, Model.LINEAR, Model.POSITION_BASED)
#: From Monday, 29 December 2025, on, the weeks' numbers are not negative.
_WEEKS = f"""
    SELECT visitor_id, date_diff('day', DATE '2025-12-29', local_date) // 7 AS week FROM {{rows}}
    WHERE site_id = '{SITE}' AND is_bot = 0 {{passing}} GROUP BY ALL
"""
_RETURNS = """
    WITH visits AS MATERIALIZED ({visits}),
    firsts AS (SELECT visitor_id, min(week) AS first FROM visits GROUP BY visitor_id HAVING first >= 4)
    SELECT count(*) FROM firsts JOIN visits USING (visitor_id)
    WHERE week >= first GROUP BY week - first ORDER BY week - first
"""
#: What is bought counts on the day on which its session began.
_BUYERS = f"""
    SELECT s.visitor_id, date_diff('day', DATE '2025-12-29', s.local_date) // 7 AS week
    FROM events AS e JOIN sessions AS s USING (session_id)
    WHERE e.site_id = '{SITE}' AND e.name = '$purchase' AND s.site_id = '{SITE}' AND s.is_bot = 0 GROUP BY ALL
"""
#: From pages to pages: back is who views one of the second ones after the first view of one of the first.
_FROM, _TO = "/page/1", "/page/2"
_LED_BACK = f"""
    WITH did AS MATERIALIZED (
        SELECT s.visitor_id, date_diff('day', DATE '2025-12-29', s.local_date) // 7 AS week,
            e.event_at AS moment, e.path LIKE '{_FROM}%' AS starts
        FROM events AS e JOIN sessions AS s USING (session_id)
        WHERE e.site_id = '{SITE}' AND e.event_type = 'page_view'
            AND (e.path LIKE '{_FROM}%' OR e.path LIKE '{_TO}%')
            AND s.site_id = '{SITE}' AND s.is_bot = 0 AND s.local_date < '{SCOPE.period.until}'
    ),
    firsts AS (
        SELECT visitor_id, min(week) AS first, min(moment) AS began FROM did
        WHERE starts GROUP BY visitor_id HAVING first >= 4
    )
    SELECT count(DISTINCT visitor_id) FROM firsts JOIN did USING (visitor_id)
    WHERE NOT starts AND week >= first AND moment >= began
    GROUP BY week - first ORDER BY week - first
"""
#: Of sessions that began in the period, their pages without repeats.
_STEPS = f"""
    SELECT visitor_id, list_filter(pages, lambda page, i: i = 1 OR page != pages[i - 1]) AS steps FROM (
        SELECT any_value(s.visitor_id) AS visitor_id, list(e.path ORDER BY e.event_at) AS pages
        FROM events AS e JOIN sessions AS s USING (session_id)
        WHERE s.{WHERE.replace(" AND ", " AND s.")} AND e.site_id = '{SITE}' AND e.event_type = 'page_view'
        GROUP BY session_id
    )
"""
_FLOW = f"""
    WITH pairs AS (
        SELECT step, steps[step + 1] AS a, steps[step + 2] AS b, count(*) AS n
        FROM (SELECT steps, unnest(range(5)) AS step FROM ({_STEPS})) GROUP BY ALL
    ),
    named_a AS (
        SELECT step, a, row_number() OVER (PARTITION BY step ORDER BY sum(n) DESC, a) AS place
        FROM pairs WHERE a IS NOT NULL GROUP BY step, a
    ),
    named_b AS (
        SELECT step, b, row_number() OVER (PARTITION BY step ORDER BY sum(n) DESC, b) AS place
        FROM pairs WHERE b IS NOT NULL GROUP BY step, b
    )
    SELECT sum(n) FROM pairs LEFT JOIN named_a USING (step, a) LEFT JOIN named_b USING (step, b)
    GROUP BY step, if(a IS NULL, '', if(named_a.place <= 10, a, 'other')),
        if(b IS NULL, '', if(named_b.place <= 10, b, 'other'))
    ORDER BY step, sum(n) DESC
"""
#: The latest first step that a walk can have begun with goes from step to step. Times are of the walk that
#: came furthest, and there first.
_FUNNEL = f"""
    WITH steps AS (
        SELECT visitor_id, epoch_ms(event_at::TIMESTAMP) AS ms, CASE
            WHEN event_type = 'page_view' AND path LIKE '{FUNNEL.steps[0].page.replace("*", "%")}' THEN 1
            WHEN event_type = 'page_view' AND path LIKE '{FUNNEL.steps[1].page.replace("*", "%")}' THEN 2
            WHEN name = '{FUNNEL.steps[2].event}' THEN 3 END AS step
        FROM events WHERE {WHERE}
    ),
    begun AS (
        SELECT *, max(ms) FILTER (step = 1) OVER (PARTITION BY visitor_id ORDER BY ms) AS one
        FROM steps WHERE step IS NOT NULL
    ),
    led AS (
        SELECT *, max({{'one': one, 'two': ms}}) FILTER (step = 2 AND ms - one <= {FUNNEL.window_ms})
            OVER (PARTITION BY visitor_id ORDER BY ms) AS walk
        FROM begun
    ),
    furthest AS (
        SELECT min(ms) FILTER (step = 1) AS first,
            arg_min(ms - one, ms) FILTER (step = 2 AND ms - one <= {FUNNEL.window_ms}) AS second,
            arg_min({{'second': walk.two - walk.one, 'third': ms - walk.two, 'all': ms - walk.one}}, ms)
                FILTER (step = 3 AND ms - walk.one <= {FUNNEL.window_ms}) AS third
        FROM led GROUP BY visitor_id HAVING first IS NOT NULL
    )
    SELECT count(*), count(second), count(third),
        median(coalesce(third.second, second)) / 1000, median(third.third) / 1000, median(third.all) / 1000,
        avg(coalesce(third.second, second)) / 1000, avg(third.third) / 1000, avg(third.all) / 1000
    FROM furthest
"""
_CREDITS = f"""
    WITH conversions AS (
        SELECT row_number() OVER () AS id, visitor_id, event_at FROM events
        WHERE {WHERE} AND is_conversion = 1
    ),
    touched AS (
        SELECT c.id, s.channel, row_number() OVER (PARTITION BY c.id ORDER BY s.started_at) AS place,
            count(*) OVER (PARTITION BY c.id) AS places
        FROM conversions AS c JOIN sessions AS s ON s.visitor_id = c.visitor_id
            AND s.started_at <= c.event_at AND s.started_at >= c.event_at - INTERVAL 30 DAY
        WHERE s.site_id = '{SITE}' AND s.is_bot = 0
    )
    SELECT sum(1) FILTER (place = 1), sum(1 / places) FROM touched
    GROUP BY channel ORDER BY sum(1) FILTER (place = 1) DESC
"""


def analyses() -> list[Question]:
    """Those that walk over visitors or sessions."""
    visits = _WEEKS.format(rows="sessions", passing=f"AND local_date < '{SCOPE.period.until}'")
    return [
        Question(
            name="retention by week",
            limit_ms=LIMIT_MS,
            ask=_retention,
            duckdb=[_RETURNS.format(visits=visits)],
        ),
        Question(
            name="retention of those who buy",
            limit_ms=LIMIT_MS,
            ask=_buyers,
            duckdb=[_RETURNS.format(visits=_BUYERS)],
        ),
        Question(
            name="retention from pages to pages",
            limit_ms=LIMIT_MS,
            ask=_led_back,
            duckdb=[_LED_BACK],
        ),
        Question(
            name="the 50 paths of most sessions",
            limit_ms=LIMIT_MS,
            ask=_paths,
            duckdb=[
                "SELECT count(*), count(DISTINCT visitor_id) "
                f"FROM (SELECT steps[1:5] AS path, visitor_id FROM ({_STEPS})) "
                "GROUP BY path ORDER BY count(*) DESC, path LIMIT 50"
            ],
        ),
        Question(name="flow of five steps", limit_ms=LIMIT_MS, ask=_flow, duckdb=[_FLOW]),
        Question(
            name="funnel of three steps",
            limit_ms=LIMIT_MS,
            ask=_funnel,
            duckdb=[_FUNNEL],
            tolerance=1e-9,
        ),
        Question(
            name="attribution by channel",
            limit_ms=LIMIT_MS,
            ask=_attribution,
            duckdb=[_CREDITS],
            tolerance=1e-9,
        ),
        Question(
            name="page views by page, of sessions by channel",
            limit_ms=LIMIT_MS,
            ask=_crossed,
            duckdb=[
                "SELECT count(DISTINCT session_id) AS n, count(*) FROM events AS e "
                "JOIN sessions AS s USING (session_id) "
                f"WHERE s.{WHERE.replace(' AND ', ' AND s.')} AND e.site_id = '{SITE}' "
                "GROUP BY s.channel, e.path ORDER BY n DESC, s.channel, e.path LIMIT 50"
            ],
        ),
    ]


async def _retention(queries: Queries) -> list[float]:
    return await _returned(queries, RetentionAsked())


async def _buyers(queries: Queries) -> list[float]:
    bought = Happening(event="$purchase")
    return await _returned(queries, RetentionAsked(start=bought, comes_back=bought))


async def _led_back(queries: Queries) -> list[float]:
    start, comes_back = Happening(page=f"{_FROM}*"), Happening(page=f"{_TO}*")
    return await _returned(queries, RetentionAsked(start=start, comes_back=comes_back))


async def _returned(queries: Queries, asked: RetentionAsked) -> list[float]:
    return [count for count in (await queries.retention(SCOPE, asked)).total.returned if count]


async def _paths(queries: Queries) -> list[float]:
    found = await queries.top_paths(SCOPE, Journeys(limit=50))
    return [figure for path in found.paths for figure in (path.sessions, path.visitors)]


async def _flow(queries: Queries) -> list[float]:
    found = await queries.flow(SCOPE, Journeys(limit=10))
    by_step = sorted((found.nodes[link.source].step, -link.sessions) for link in found.links)
    return [-sessions for _, sessions in by_step]


async def _funnel(queries: Queries) -> list[float]:
    found = await queries.funnel(SCOPE, funnel_id="funnel")
    _, second, third = found.steps
    return [
        *(float(step.visitors) for step in found.steps),
        *(one or 0.0 for one in (second.median_s, third.median_s, third.median_from_first_s)),
        *(one or 0.0 for one in (second.mean_s, third.mean_s, third.mean_from_first_s)),
    ]


async def _attribution(queries: Queries) -> list[float]:
    found = await queries.attribution(SCOPE, AttributionAsked(models=RULES))
    shown = ("first_touch", "linear")
    return [row.models[model].conversions for row in found.rows for model in shown]


async def _crossed(queries: Queries) -> list[float]:
    metrics = [Metric.SESSIONS, Metric.EVENTS]
    found = await queries.stats(SCOPE, Asked(metrics=metrics, dimensions=["channel", "path"], limit=50))
    return [row.metrics[name] for row in found.rows for name in ("sessions", "events")]
