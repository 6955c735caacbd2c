-- Gold from session rows. Values are signed sums: a retraction takes back exactly what it stated, in any
-- order of arrival. Rows that sum to nothing may stay until a merge, so readers keep only sessions != 0.
-- `rows` = `sessions` = sum(sign). Visitors are not here, a sketch cannot take back: they come from
-- sessions_silver.

-- durations: bucket -> sessions. Bucket 0 is no time at all; bucket b > 0 holds 2^((b-1)/8) <= ms < 2^(b/8),
-- about 9 % wide; read it as its middle, 2^((b-0.5)/8) ms, at most 4.5 % off. 255 is 41 days and more.
CREATE TABLE IF NOT EXISTS {db}.session_analytics {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
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
    durations SimpleAggregateFunction(sumMap, Map(UInt8, Int64)) CODEC(ZSTD(1))
)
ENGINE = {repl}SummingMergeTree
PARTITION BY toYear(bucket)
ORDER BY (site_id, bucket, is_bot)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.session_analytics_mv {on_cluster}
TO {db}.session_analytics
AS SELECT
    s.site_id AS site_id,
    toStartOfFifteenMinutes(s.started_at) AS bucket,
    s.is_bot AS is_bot,
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
    sumMap(map(
        if(s.duration_ms <= 0, 0, toUInt8(least(255, 1 + floor(8 * log2(s.duration_ms))))),
        toInt64(s.sign)
    )) AS durations
FROM {db}.sessions_silver AS s
GROUP BY s.site_id, bucket, s.is_bot;

CREATE TABLE IF NOT EXISTS {db}.traffic_sources_daily {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    referrer_host LowCardinality(String),
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
    revenue Decimal(38, 4) CODEC(ZSTD(1))
)
ENGINE = {repl}SummingMergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, local_date, is_bot, channel, source, medium, campaign, referrer_host)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.traffic_sources_daily_mv {on_cluster}
TO {db}.traffic_sources_daily
AS SELECT
    s.site_id AS site_id,
    s.local_date AS local_date,
    s.is_bot AS is_bot,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.referrer_host AS referrer_host,
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
    sum(s.sign * s.revenue) AS revenue
FROM {db}.sessions_silver AS s
GROUP BY
    s.site_id, s.local_date, s.is_bot, s.channel, s.source, s.medium, s.campaign, s.referrer_host;

CREATE TABLE IF NOT EXISTS {db}.device_breakdown_daily {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    device_class LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    country LowCardinality(String),
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
    revenue Decimal(38, 4) CODEC(ZSTD(1))
)
ENGINE = {repl}SummingMergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, local_date, is_bot, device_class, browser, os, country)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.device_breakdown_daily_mv {on_cluster}
TO {db}.device_breakdown_daily
AS SELECT
    s.site_id AS site_id,
    s.local_date AS local_date,
    s.is_bot AS is_bot,
    s.device_class AS device_class,
    s.browser AS browser,
    s.os AS os,
    s.country AS country,
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
    sum(s.sign * s.revenue) AS revenue
FROM {db}.sessions_silver AS s
GROUP BY s.site_id, s.local_date, s.is_bot, s.device_class, s.browser, s.os, s.country;
