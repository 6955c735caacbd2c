-- Gold of a site's day by one attribute of its sessions, and the visitors of days that are over, so that a question
-- about many visitors need not meet every session. It holds what is written from now on; `wua reconcile --repair` fills
-- in the days before. Until it has, their visitors are counted of session rows, as all were before.

-- Signed sums: a retraction takes back what it stated. A session's rows count once for each attribute, and once for
-- none (attribute = ''), so `rows` of one attribute is as much as of another. checksum is of the sessions that stand: a
-- session's number, 36 bits made of its times, its events and its attributes, comes with +1 and goes with -1, so the sum
-- is the same in any order of arrival, and another one when any of the sessions is another: what is stated anew has more
-- events. Like durations (buckets of 0006_create_session_gold.sql) it stands with attribute = '' alone. Neither an id nor
-- a version is in it: an erased person's ids become others, and how often a session was stated depends on its blocks.
CREATE TABLE IF NOT EXISTS {db}.session_attributes_daily {on_cluster}
(
    site_id LowCardinality(String),
    attribute LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    value LowCardinality(String),
    rows Int64 CODEC(T64, ZSTD(1)),
    sessions Int64 CODEC(T64, ZSTD(1)),
    bounces Int64 CODEC(T64, ZSTD(1)),
    duration_ms Int64 CODEC(T64, ZSTD(1)),
    engaged_ms Int64 CODEC(T64, ZSTD(1)),
    page_views Int64 CODEC(T64, ZSTD(1)),
    events Int64 CODEC(T64, ZSTD(1)),
    interactions Int64 CODEC(T64, ZSTD(1)),
    conversions Int64 CODEC(T64, ZSTD(1)),
    converted_sessions Int64 CODEC(T64, ZSTD(1)),
    revenue Decimal(38, 4) CODEC(ZSTD(1)),
    checksum Int64 CODEC(ZSTD(1)),
    durations SimpleAggregateFunction(sumMap, Map(UInt8, Int64)) CODEC(ZSTD(1))
)
ENGINE = {repl}SummingMergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, attribute, local_date, is_bot, value)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.session_attributes_daily_mv {on_cluster}
TO {db}.session_attributes_daily
AS SELECT
    s.site_id AS site_id,
    told.1 AS attribute,
    s.local_date AS local_date,
    s.is_bot AS is_bot,
    told.2 AS value,
    sum(s.sign) AS rows,
    sum(s.sign) AS sessions,
    sum(s.sign * s.is_bounce) AS bounces,
    sum(s.sign * s.duration_ms) AS duration_ms,
    sum(s.sign * s.engaged_ms) AS engaged_ms,
    sum(s.sign * s.page_views) AS page_views,
    sum(s.sign * s.events) AS events,
    sum(s.sign * s.interactions) AS interactions,
    sum(s.sign * s.conversions) AS conversions,
    sum(s.sign * (s.conversions > 0)) AS converted_sessions,
    sum(s.sign * s.revenue) AS revenue,
    sumIf(s.sign * toInt64(bitShiftRight(cityHash64(
        s.started_at, s.ended_at, s.events, s.duration_ms, s.engaged_ms, s.is_bot,
        s.channel, s.source, s.campaign, s.country, s.device_class, s.browser, s.os
    ), 28)), told.1 = '') AS checksum,
    sumMap(if(told.1 = '', map(
        if(s.duration_ms <= 0, 0, toUInt8(least(255, 1 + floor(8 * log2(s.duration_ms))))),
        toInt64(s.sign)
    ), CAST(map(), 'Map(UInt8, Int64)'))) AS durations
FROM {db}.sessions_silver AS s
ARRAY JOIN [
    ('', ''),
    ('channel', toString(s.channel)),
    ('source', toString(s.source)),
    ('campaign', toString(s.campaign)),
    ('country', toString(s.country)),
    ('device_class', toString(s.device_class)),
    ('browser', toString(s.browser)),
    ('os', toString(s.os))
] AS told
GROUP BY s.site_id, attribute, s.local_date, s.is_bot, value;

-- The visitors of the sessions that began on days in a row, from `since` to before `until`, of people or of bots, by one
-- attribute: a sketch of the sessions of which `checksum` is the checksum. It is right as long as these days of session_attributes_daily sum
-- to the same, and not looked at otherwise: a sketch cannot take back, so it is made anew. Two that were made of the
-- same sessions are the same, and one of other sessions is never in their place. Sixty days after it was made a span is
-- not looked at any more, and goes, as what has become another does: what is still worth knowing is made again.
CREATE TABLE IF NOT EXISTS {db}.visitor_spans {on_cluster}
(
    site_id LowCardinality(String),
    attribute LowCardinality(String),
    since Date CODEC(Delta, ZSTD(1)),
    until Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    value LowCardinality(String),
    checksum Int64 CODEC(ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(16), UInt64) CODEC(LZ4),
    made_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}ReplacingMergeTree(made_at)
PARTITION BY toYYYYMM(since)
ORDER BY (site_id, attribute, since, until, is_bot, checksum, value)
TTL toDateTime(made_at) + INTERVAL 63 DAY
SETTINGS
    index_granularity = 8,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
