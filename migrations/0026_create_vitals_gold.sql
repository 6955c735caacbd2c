-- Gold of what browsers measured, by day and by week, in all and by one attribute of the events, so that load times and
-- web vitals of a month are merged of few sketches. It holds what is written from now on; `wua reconcile --repair` fills in
-- the days before.

-- A row is of one day (span 1) or of the week that begins on the Monday `since` (span 7), of all events (attribute '') or of
-- those that have one value of an attribute. Each measure counts once in each span and attribute, so that what is
-- summed over everything is ten times the measures. What is measured is as views/vitals.sql has it; `good` and `poor` go by the
-- thresholds of views/performance.py, and are 0 for the load time, which has none (0 here).
-- Each grouping makes the rows of one attribute: to repeat each measure for each of them took up to twice the time. Granules
-- of fewer rows take twice as long to write. A state of many measures has 22 kB; their granules end by bytes.
CREATE TABLE IF NOT EXISTS {db}.vital_distributions {on_cluster}
(
    site_id LowCardinality(String),
    attribute LowCardinality(String),
    vital LowCardinality(String),
    span UInt8,
    since Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    value String CODEC(ZSTD(1)),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    samples SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    good SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    poor SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    quantiles AggregateFunction(quantilesTiming(0.5, 0.75, 0.95), UInt32) CODEC(LZ4)
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYYYYMM(since)
ORDER BY (site_id, attribute, vital, span, since, is_bot, value)
SETTINGS
    index_granularity = 512,
    index_granularity_bytes = 262144,
    min_age_to_force_merge_seconds = 86400,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.vital_distributions_mv {on_cluster}
TO {db}.vital_distributions
AS SELECT
    site_id,
    multiIf(
        others = 7, 'page', others = 11, 'device_class', others = 13, 'country', others = 14, 'connection', ''
    ) AS attribute,
    vital,
    spanned.1 AS span,
    spanned.2 AS since,
    is_bot,
    concat(page, device_class, country, connection) AS value,
    samples AS rows,
    samples,
    good,
    poor,
    quantiles
FROM (
    SELECT
        site_id,
        vital,
        day,
        is_bot,
        page,
        device_class,
        country,
        connection,
        grouping(page, device_class, country, connection) AS others,
        count() AS samples,
        countIf(measured <= good_to) AS good,
        countIf(poor_beyond > 0 AND measured > poor_beyond) AS poor,
        quantilesTimingState(0.5, 0.75, 0.95)(measured) AS quantiles
    FROM (
        SELECT
            e.site_id AS site_id,
            e.local_date AS day,
            e.is_bot AS is_bot,
            e.path AS page,
            e.device_class AS device_class,
            e.country AS country,
            if(e.name = '$web_vitals', if(
                JSONType(e.properties, 'connection') = 'String',
                JSONExtractString(e.properties, 'connection'),
                JSONExtractRaw(e.properties, 'connection')
            ), '') AS connection,
            [e.lcp_ms, e.inp_ms, e.cls_10000, e.fcp_ms, e.ttfb_ms, e.load_ms] AS measures,
            [
                e.lcp_ms > 0,
                e.inp_ms > 0,
                e.name = '$web_vitals' AND JSONType(e.properties, 'cls') != 'Null',
                e.fcp_ms > 0,
                e.ttfb_ms > 0,
                e.load_ms > 0
            ] AS reported
        FROM {db}.user_behavior_silver AS e
        WHERE e.name = '$web_vitals' OR e.event_type = 'page_view'
    )
    ARRAY JOIN
        measures AS measured,
        reported AS is_reported,
        ['lcp', 'inp', 'cls', 'fcp', 'ttfb', 'load'] AS vital,
        [2500, 200, 1000, 1800, 800, 0] AS good_to,
        [4000, 500, 2500, 3000, 1800, 0] AS poor_beyond
    WHERE is_reported
    GROUP BY GROUPING SETS (
        (site_id, vital, day, is_bot),
        (site_id, vital, day, is_bot, page),
        (site_id, vital, day, is_bot, device_class),
        (site_id, vital, day, is_bot, country),
        (site_id, vital, day, is_bot, connection)
    )
)
ARRAY JOIN [(1, day), (7, toMonday(day))] AS spanned;
