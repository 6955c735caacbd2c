-- Gold by the site's own day, from event rows. Each view reads silver itself, never another gold.
-- `rows` counts the silver rows behind a row: reconcile compares it with silver.
-- Wide states want small granules: a query for one site reads few rows.

-- Precision 16 counts the first two thousand visitors exactly, and is about 0.4 % off beyond; 14 is off from 500 on.
CREATE TABLE IF NOT EXISTS {db}.daily_user_metrics {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(16), String) CODEC(ZSTD(1)),
    users AggregateFunction(uniqCombined64(16), String) CODEC(ZSTD(1)),
    page_views SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    conversions SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    revenue SimpleAggregateFunction(sum, Decimal(38, 4)) CODEC(ZSTD(1)),
    engaged_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(local_date)
ORDER BY (site_id, local_date, is_bot)
SETTINGS
    index_granularity = 64,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.daily_user_metrics_mv {on_cluster}
TO {db}.daily_user_metrics
AS SELECT
    e.site_id AS site_id,
    e.local_date AS local_date,
    e.is_bot AS is_bot,
    count() AS rows,
    uniqCombined64State(16)(e.visitor_id) AS visitors,
    uniqCombined64StateIf(16)(e.user_id, e.user_id != '') AS users,
    countIf(e.event_type = 'page_view') AS page_views,
    count() AS events,
    sum(e.is_conversion) AS conversions,
    sum(e.revenue) AS revenue,
    sum(e.engaged_ms) AS engaged_ms
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, e.local_date, e.is_bot;

-- Visitors of a page: those with a page view of it. Timings count where they were measured (> 0); CLS, for
-- which zero is the best value, in each report of web vitals. Levels: 0.5, 0.75, 0.9, 0.95, 0.99.
CREATE TABLE IF NOT EXISTS {db}.page_performance_metrics {on_cluster}
(
    site_id LowCardinality(String),
    path String CODEC(ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    device_class LowCardinality(String),
    is_bot UInt8,
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    page_views SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(12), String) CODEC(ZSTD(1)),
    leaves SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    engaged_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    scroll_depth SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ttfb_ms AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1)),
    fcp_ms AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1)),
    lcp_ms AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1)),
    inp_ms AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1)),
    load_ms AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1)),
    cls_10000 AggregateFunction(quantilesTiming(0.5, 0.75, 0.9, 0.95, 0.99), UInt32) CODEC(ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, path, local_date, device_class, is_bot)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.page_performance_metrics_mv {on_cluster}
TO {db}.page_performance_metrics
AS SELECT
    e.site_id AS site_id,
    e.path AS path,
    e.local_date AS local_date,
    e.device_class AS device_class,
    e.is_bot AS is_bot,
    count() AS rows,
    countIf(e.event_type = 'page_view') AS page_views,
    uniqCombined64StateIf(12)(e.visitor_id, e.event_type = 'page_view') AS visitors,
    countIf(e.name = '$page_leave') AS leaves,
    sum(e.engaged_ms) AS engaged_ms,
    sumIf(e.scroll_depth, e.name = '$page_leave') AS scroll_depth,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.ttfb_ms, e.ttfb_ms > 0) AS ttfb_ms,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.fcp_ms, e.fcp_ms > 0) AS fcp_ms,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.lcp_ms, e.lcp_ms > 0) AS lcp_ms,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.inp_ms, e.inp_ms > 0) AS inp_ms,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.load_ms, e.load_ms > 0) AS load_ms,
    quantilesTimingStateIf(0.5, 0.75, 0.9, 0.95, 0.99)(e.cls_10000, e.name = '$web_vitals') AS cls_10000
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, e.path, e.local_date, e.device_class, e.is_bot;
