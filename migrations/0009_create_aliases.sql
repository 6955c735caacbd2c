-- Who is whom. A row keeps what events said of ids; which person that makes is found when a question is asked
-- (views/person_users.sql, person_visitors.sql), so that no row is ever written anew and no order of arrival matters.
-- Gold holds what is written from now on; `wua reconcile --repair` fills in the days before.

-- Which visitor was which user, by the hour (UTC): the first and the last event that carried both.
CREATE TABLE IF NOT EXISTS {db}.visitor_aliases {on_cluster}
(
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    INDEX by_user user_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(bucket)
ORDER BY (site_id, visitor_id, user_id, bucket)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.visitor_aliases_mv {on_cluster}
TO {db}.visitor_aliases
AS SELECT
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    toStartOfHour(e.event_at) AS bucket,
    count() AS rows,
    min(e.event_at) AS first_at,
    max(e.event_at) AS last_at
FROM {db}.user_behavior_silver AS e
WHERE e.user_id != ''
GROUP BY e.site_id, e.visitor_id, e.user_id, bucket;

-- Which user id became which: what `$alias` events say. They join people for good, in both directions.
CREATE TABLE IF NOT EXISTS {db}.user_aliases {on_cluster}
(
    site_id LowCardinality(String),
    previous_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(local_date)
ORDER BY (site_id, previous_id, user_id, local_date)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.user_aliases_mv {on_cluster}
TO {db}.user_aliases
AS SELECT
    e.site_id AS site_id,
    JSONExtractString(e.properties, 'previous_id') AS previous_id,
    e.user_id AS user_id,
    e.local_date AS local_date,
    count() AS rows,
    min(e.event_at) AS first_at,
    max(e.event_at) AS last_at
FROM {db}.user_behavior_silver AS e
WHERE e.name = '$alias'
GROUP BY e.site_id, previous_id, e.user_id, e.local_date;
