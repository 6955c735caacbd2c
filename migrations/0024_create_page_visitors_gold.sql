-- Gold of a page's days and of its weeks, of all devices, so that the visitors of a month are merged of few sketches.
-- It holds what is written from now on; `wua reconcile --repair` fills in the days before.

-- A row is of one day (span 1) or of the week that begins on the Monday `since` (span 7). Each event counts in one of
-- each, so `rows` summed over both is twice the events.
-- Spans come before pages, and granules are small: a question ranks all pages of a few spans, and then merges the
-- sketches of some. These are a third smaller when compressed, and take twice as long to read.
CREATE TABLE IF NOT EXISTS {db}.page_visitors {on_cluster}
(
    site_id LowCardinality(String),
    span UInt8,
    since Date CODEC(Delta, ZSTD(1)),
    path String CODEC(ZSTD(1)),
    is_bot UInt8,
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    page_views SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(12), String) CODEC(NONE),
    leaves SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    engaged_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    scroll_depth SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYYYYMM(since)
ORDER BY (site_id, span, since, is_bot, path)
SETTINGS
    index_granularity = 16,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.page_visitors_mv {on_cluster}
TO {db}.page_visitors
AS SELECT
    e.site_id AS site_id,
    spanned.1 AS span,
    spanned.2 AS since,
    e.path AS path,
    e.is_bot AS is_bot,
    count() AS rows,
    countIf(e.event_type = 'page_view') AS page_views,
    uniqCombined64StateIf(12)(e.visitor_id, e.event_type = 'page_view') AS visitors,
    countIf(e.name = '$page_leave') AS leaves,
    sum(e.engaged_ms) AS engaged_ms,
    sumIf(e.scroll_depth, e.name = '$page_leave') AS scroll_depth
FROM {db}.user_behavior_silver AS e
ARRAY JOIN [(1, e.local_date), (7, toMonday(e.local_date))] AS spanned
GROUP BY e.site_id, span, since, e.path, e.is_bot;
