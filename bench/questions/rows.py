"""Traffic of twenty sites, made by the engine itself: silver is filled, and its views fill gold."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.page_sequences import make_page_sequences
from app.adapters.clickhouse.visitor_spans import make_visitor_spans

DATABASE = "wua"
SITES = 20
DAYS = 60
FIRST_DAY = "2026-01-01"
#: The day after the last.
TODAY = date.fromisoformat(FIRST_DAY) + timedelta(days=DAYS)
#: Page views of a session, on the average: 45 of 100 have one, the others two to nine.
PAGES_PER_SESSION = 0.45 + 0.55 * 5.5
CHUNK_SESSIONS = 300_000
#: Looks, a second apart, without a merge under way.
QUIET_LOOKS = 5
#: Months that are over on TODAY; the year is not.
_OVER = f"""
SELECT DISTINCT table, partition_id FROM system.parts
WHERE active AND database = '{DATABASE}' AND length(partition_id) = 6 AND partition_id < '{TODAY:%Y%m}'
ORDER BY table, partition_id
"""

#: One row for each session. A visitor is of one site; a quarter of them are of the biggest, ``s0``.
_VISITS = """
SELECT
    i,
    toUUID(concat('00000000-0000-4000-8000-', leftPad(lower(hex(i)), 12, '0'))) AS session_id,
    cityHash64(i, 'visitor') % {visitors:UInt64} AS u,
    concat('v', leftPad(toString(u), 35, '0')) AS visitor_id,
    concat('s', toString(if(u % 4 = 0, 0, 1 + intDiv(u, 4) % 19))) AS site_id,
    if(cityHash64(i, 'one') % 100 < 45, 1, 2 + cityHash64(i, 'pages') % 8) AS pages,
    fromUnixTimestamp64Milli(toInt64({since_ms:Int64} + cityHash64(i, 'at') % {span_ms:UInt64}),
    'UTC') AS started_at,
    toDate(started_at) AS local_date,
    cityHash64(i, 'from') % 100 AS f,
    multiIf(f < 40, 'Direct', f < 70, 'Organic Search', f < 80, 'Referral', f < 90, 'Email',
    'Paid Search') AS channel,
    multiIf(f < 40, '', f < 60, 'google', f < 70, 'bing', f < 80, 'news.example', f < 90, 'newsletter',
    'google') AS source,
    if(f < 80, '', concat('campaign ', toString(f % 7))) AS campaign,
    ['desktop', 'mobile', 'tablet'][1 + u % 3] AS device_class,
    ['Chrome', 'Safari', 'Firefox', 'Edge'][1 + u % 4] AS browser,
    ['Windows', 'iOS', 'Android', 'Linux', 'macOS'][1 + u % 5] AS os,
    ['DE', 'US', 'FR', 'GB', 'IN', 'BR', 'JP', ''][1 + u % 8] AS country,
    cityHash64(i, 'buys') % 50 = 0 AS buys,
    toUInt8(cityHash64(u, 'bot') % 20 = 0) AS is_bot,
    -- A page is the rarer the higher its number: the square of what is evenly spread.
    arrayMap(n -> concat('/page/', toString(toUInt32(400 * pow(cityHash64(i, n) / 18446744073709551616.,
    2)))),
        range(pages)) AS paths
FROM (SELECT toUInt64(number) AS i FROM numbers({first:UInt64}, {count:UInt64}))
"""
#: Steps of a visit: its pages half a minute apart, the vitals of its first, what is bought on its last.
_EVENTS = f"""
INSERT INTO {DATABASE}.user_behavior_silver
(event_id, event_type, name, site_id, visitor_id, session_id, event_at, occurred_at, sent_at, received_at,
local_date,
 origin, host, path, channel, source, campaign, device_class, browser, os, country, is_bot, is_conversion,
 revenue,
 currency, engaged_ms, scroll_depth, ttfb_ms, fcp_ms, lcp_ms, inp_ms, cls_10000, load_ms, properties,
 _partition,
 _offset, _batch_id, inserted_at)
SELECT
    generateUUIDv4(step), if(kind = 'page', 'page_view', 'custom_event'), multiIf(kind = 'page', '',
    kind = 'vitals',
    '$web_vitals', '$purchase'), site_id, visitor_id, session_id,
    started_at + toIntervalMillisecond(at) AS event_at, event_at, event_at, event_at, toDate(event_at),
    'browser', 'shop.test',
    paths[least(page, pages)], channel, source, campaign, device_class, browser, os, country, is_bot,
    kind = 'buys',
    if(kind = 'buys', toDecimal64(19.5, 4), toDecimal64(0, 4)), if(kind = 'buys', 'EUR', ''),
    if(kind = 'page', 12000, 0), 0,
    if(kind = 'vitals', 50 + r % 900, 0), if(kind = 'vitals', 300 + r % 2500, 0), if(kind = 'vitals',
    500 + r % 4500, 0),
    if(kind = 'vitals', 20 + r % 500, 0), if(kind = 'vitals', r % 3000, 0), if(kind = 'vitals',
    800 + r % 6000, 0),
    '{{}}', i % 4, i, toUUID('00000000-0000-0000-0000-000000000001'), event_at
FROM (
    SELECT *,
        arrayJoin(arrayConcat(
            arrayMap(n -> ('page', n, 30000 * (n - 1)), range(1, pages + 1)),
            [('vitals', 1, 4000)],
            if(buys, [('buys', pages, 30000 * (pages - 1) + 5000)], [])
        )) AS step,
        step.1 AS kind, step.2 AS page, step.3 AS at, cityHash64(i, page, 'r') AS r
    FROM ({_VISITS})
)
"""
_SESSIONS = f"""
INSERT INTO {DATABASE}.sessions_silver
(sign, version, session_id, site_id, visitor_id, started_at, ended_at, duration_ms, local_date, events,
page_views,
 interactions, conversions, revenue, engaged_ms, is_bounce, is_bot, entry_host, entry_path, exit_path,
 channel, source,
 campaign, device_class, browser, os, country, _batch_id, inserted_at)
SELECT
    1, 1, session_id, site_id, visitor_id, started_at,
    started_at + toIntervalMillisecond(30000 * (pages - 1) + if(buys, 5000, if(pages = 1, 4000,
    0))) AS ended_at,
    30000 * (pages - 1) + 12000, local_date, pages + 1 + buys, pages, 0, buys,
    if(buys, toDecimal64(19.5, 4), toDecimal64(0, 4)), 12000 * pages, pages = 1 AND NOT buys, is_bot,
    'shop.test',
    paths[1], paths[-1], channel, source, campaign, device_class, browser, os, country,
    toUUID('00000000-0000-0000-0000-000000000001'), ended_at
FROM ({_VISITS})
"""
#: What is copied for the comparison: every column that a question needs, in silver's order.
_COPIES = {
    "events": f"""
        SELECT site_id, visitor_id, toString(session_id) AS session_id, event_at, local_date, event_type,
            name, path, device_class, country, is_bot, is_conversion, toFloat64(revenue) AS revenue,
            engaged_ms, scroll_depth, ttfb_ms, fcp_ms, lcp_ms, inp_ms, load_ms, cls_10000
        FROM {DATABASE}.user_behavior_silver ORDER BY site_id, local_date, visitor_id, event_at
    """,
    "sessions": f"""
        SELECT site_id, visitor_id, toString(session_id) AS session_id, started_at, local_date, duration_ms,
            page_views, events, conversions, toFloat64(revenue) AS revenue, engaged_ms, is_bounce, is_bot,
            entry_path, exit_path, channel, source, campaign, device_class, browser, os, country
        FROM {DATABASE}.sessions_silver FINAL ORDER BY site_id, local_date, visitor_id, started_at
    """,
}


def sessions_of(page_views: int) -> int:
    """How many sessions make about so many page views."""
    return max(1, round(page_views / PAGES_PER_SESSION))


def fill(client: Client, *, page_views: int) -> None:
    """Fill silver, and by its views gold, with about so many page views."""
    sessions = sessions_of(page_views)
    since_ms = _number(client, f"SELECT toUnixTimestamp64Milli(toDateTime64('{FIRST_DAY}', 3, 'UTC'))")
    chunks = -(-sessions // CHUNK_SESSIONS)
    span_ms = DAYS * 86_400_000 // chunks
    for chunk in range(chunks):
        bound = {
            "first": chunk * CHUNK_SESSIONS,
            "count": min(CHUNK_SESSIONS, sessions - chunk * CHUNK_SESSIONS),
            "visitors": max(1, sessions // 2),
            "since_ms": since_ms + chunk * span_ms,
            "span_ms": span_ms,
        }
        for statement in (_EVENTS, _SESSIONS):
            client.command(statement, parameters=bound, settings={"max_partitions_per_insert_block": 0})


def copy(client: Client, folder: Path) -> dict[str, Path]:
    """The same rows as Parquet files, by table."""
    files = {name: folder / f"{name}.parquet" for name in _COPIES}
    for name, file in files.items():
        client.command(f"INSERT INTO FUNCTION file('{file}', Parquet) {_COPIES[name]}")
    return files


def settle(client: Client, *, limit_s: float) -> None:
    """Wait until the engine has merged what was written, at most ``limit_s``; then do what a day would do.

    By then months that are over are one part (0025_merge_months_that_are_over.sql), and the visitors of the
    weeks and the pages of sessions are known, as a web process makes them.
    """
    end = time.monotonic() + limit_s
    quiet = 0
    while time.monotonic() < end and quiet < QUIET_LOOKS:
        merging = _number(client, "SELECT count() FROM system.merges")
        quiet = 0 if merging else quiet + 1
        time.sleep(1.0)
    for table, partition in client.query(_OVER).result_rows:
        client.command(f"OPTIMIZE TABLE {DATABASE}.{table} PARTITION ID '{partition}' FINAL")
    now = datetime.combine(TODAY, datetime.min.time(), UTC)
    make_visitor_spans(client, database=DATABASE, now=now)
    make_page_sequences(client, database=DATABASE, now=now)


def _number(client: Client, sql: str) -> int:
    return int(client.query(sql).result_rows[0][0])
