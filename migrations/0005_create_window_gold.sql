-- Tumbling windows in UTC over event time. Quarters of an hour are exact for every time zone, half-hour ones
-- too.
-- TTL counts from the last row that reached a window, not from the window: a replay of old events stays as
-- long as new ones do.

CREATE TABLE IF NOT EXISTS {db}.events_per_minute {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    event_type LowCardinality(String),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), String) CODEC(ZSTD(1)),
    last_inserted_at SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (site_id, bucket, is_bot, event_type)
TTL last_inserted_at + INTERVAL 7 DAY
SETTINGS
    index_granularity = 128,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.events_per_minute_mv {on_cluster}
TO {db}.events_per_minute
AS SELECT
    e.site_id AS site_id,
    toStartOfMinute(e.event_at) AS bucket,
    e.is_bot AS is_bot,
    e.event_type AS event_type,
    count() AS rows,
    count() AS events,
    uniqCombined64State(14)(e.visitor_id) AS visitors,
    max(e.inserted_at) AS last_inserted_at
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, bucket, e.is_bot, e.event_type;

CREATE TABLE IF NOT EXISTS {db}.events_per_quarter_hour {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    event_type LowCardinality(String),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), String) CODEC(ZSTD(1)),
    last_inserted_at SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (site_id, bucket, is_bot, event_type)
TTL last_inserted_at + INTERVAL 2 YEAR
SETTINGS
    index_granularity = 128,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.events_per_quarter_hour_mv {on_cluster}
TO {db}.events_per_quarter_hour
AS SELECT
    e.site_id AS site_id,
    toStartOfFifteenMinutes(e.event_at) AS bucket,
    e.is_bot AS is_bot,
    e.event_type AS event_type,
    count() AS rows,
    count() AS events,
    uniqCombined64State(14)(e.visitor_id) AS visitors,
    max(e.inserted_at) AS last_inserted_at
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, bucket, e.is_bot, e.event_type;

CREATE TABLE IF NOT EXISTS {db}.events_per_hour {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    event_type LowCardinality(String),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), String) CODEC(ZSTD(1)),
    last_inserted_at SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(bucket)
ORDER BY (site_id, bucket, is_bot, event_type)
TTL last_inserted_at + INTERVAL 2 YEAR
SETTINGS
    index_granularity = 128,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.events_per_hour_mv {on_cluster}
TO {db}.events_per_hour
AS SELECT
    e.site_id AS site_id,
    toStartOfHour(e.event_at) AS bucket,
    e.is_bot AS is_bot,
    e.event_type AS event_type,
    count() AS rows,
    count() AS events,
    uniqCombined64State(14)(e.visitor_id) AS visitors,
    max(e.inserted_at) AS last_inserted_at
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, bucket, e.is_bot, e.event_type;

CREATE TABLE IF NOT EXISTS {db}.events_per_day {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    event_type LowCardinality(String),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), String) CODEC(ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(bucket)
ORDER BY (site_id, bucket, is_bot, event_type)
SETTINGS
    index_granularity = 64,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.events_per_day_mv {on_cluster}
TO {db}.events_per_day
AS SELECT
    e.site_id AS site_id,
    toStartOfDay(e.event_at) AS bucket,
    e.is_bot AS is_bot,
    e.event_type AS event_type,
    count() AS rows,
    count() AS events,
    uniqCombined64State(14)(e.visitor_id) AS visitors
FROM {db}.user_behavior_silver AS e
GROUP BY e.site_id, bucket, e.is_bot, e.event_type;
