-- Bots. What a program is for, as a column: app.events.vocabulary.BotKind. Rows of before get it from their reasons, whose
-- bits are those of BotReason. And gold of what programs did, by the site's own day.
-- Gold holds what is written from now on; `wua reconcile --repair` fills in the days before.
-- TRICKY: a column first, then the query that fills it: a worker of the version before is at work meanwhile.

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS bot_kind String AFTER bot_name;

ALTER TABLE {db}.page_views_silver {on_cluster}
ADD COLUMN IF NOT EXISTS bot_kind LowCardinality(String) AFTER bot_name;

CREATE OR REPLACE MATERIALIZED VIEW {db}.page_views_silver_mv {on_cluster} TO {db}.page_views_silver AS
SELECT
    toUUID(e.event_id) AS event_id,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    toUUID(e.session_id) AS session_id,
    fromUnixTimestamp64Milli(e.event_at, 'UTC') AS event_at,
    fromUnixTimestamp64Milli(e.occurred_at, 'UTC') AS occurred_at,
    fromUnixTimestamp64Milli(e.sent_at, 'UTC') AS sent_at,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    toDate(e.local_date) AS local_date,
    e.origin AS origin,
    e.host AS host,
    e.path AS path,
    e.query AS query,
    e.title AS title,
    e.referrer_host AS referrer_host,
    e.channel AS channel,
    e.source AS source,
    e.medium AS medium,
    e.campaign AS campaign,
    e.term AS term,
    e.content AS content,
    e.click_id AS click_id,
    e.language AS language,
    e.timezone AS timezone,
    e.country AS country,
    e.region AS region,
    e.city AS city,
    e.device_class AS device_class,
    e.browser AS browser,
    e.browser_version AS browser_version,
    e.os AS os,
    e.os_version AS os_version,
    e.screen_width AS screen_width,
    e.screen_height AS screen_height,
    e.viewport_width AS viewport_width,
    e.viewport_height AS viewport_height,
    e.is_bot AS is_bot,
    e.bot_reasons AS bot_reasons,
    e.bot_name AS bot_name,
    e.bot_kind AS bot_kind,
    e.ttfb_ms AS ttfb_ms,
    e.load_ms AS load_ms,
    e.properties AS properties,
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    toUUID(e._batch_id) AS _batch_id,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'accepted' AND e.event_type = 'page_view';

ALTER TABLE {db}.page_views_silver {on_cluster} UPDATE bot_kind = multiIf(
    bitAnd(bot_reasons, 16) != 0, 'ai_fetcher',
    bitAnd(bot_reasons, 8) != 0, 'ai_crawler',
    bitAnd(bot_reasons, 32) != 0, 'search_crawler',
    bitAnd(bot_reasons, 64) != 0, 'monitor',
    bitAnd(bot_reasons, 128 + 256) != 0, 'automation',
    'other'
) WHERE is_bot = 1 AND bot_kind = '';

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS bot_kind LowCardinality(String) AFTER bot_name;

CREATE OR REPLACE MATERIALIZED VIEW {db}.user_behavior_silver_mv {on_cluster} TO {db}.user_behavior_silver AS
SELECT
    toUUID(e.event_id) AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    toUUID(e.session_id) AS session_id,
    fromUnixTimestamp64Milli(e.event_at, 'UTC') AS event_at,
    fromUnixTimestamp64Milli(e.occurred_at, 'UTC') AS occurred_at,
    fromUnixTimestamp64Milli(e.sent_at, 'UTC') AS sent_at,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    toDate(e.local_date) AS local_date,
    e.origin AS origin,
    e.host AS host,
    e.path AS path,
    e.query AS query,
    e.title AS title,
    e.referrer_host AS referrer_host,
    e.channel AS channel,
    e.source AS source,
    e.medium AS medium,
    e.campaign AS campaign,
    e.term AS term,
    e.content AS content,
    e.click_id AS click_id,
    e.language AS language,
    e.timezone AS timezone,
    e.country AS country,
    e.region AS region,
    e.city AS city,
    e.device_class AS device_class,
    e.browser AS browser,
    e.browser_version AS browser_version,
    e.os AS os,
    e.os_version AS os_version,
    e.screen_width AS screen_width,
    e.screen_height AS screen_height,
    e.viewport_width AS viewport_width,
    e.viewport_height AS viewport_height,
    e.is_bot AS is_bot,
    e.bot_reasons AS bot_reasons,
    e.bot_name AS bot_name,
    e.bot_kind AS bot_kind,
    e.is_conversion AS is_conversion,
    e.goal AS goal,
    e.revenue AS revenue,
    e.currency AS currency,
    e.engaged_ms AS engaged_ms,
    e.scroll_depth AS scroll_depth,
    e.ttfb_ms AS ttfb_ms,
    e.fcp_ms AS fcp_ms,
    e.lcp_ms AS lcp_ms,
    e.inp_ms AS inp_ms,
    e.cls_10000 AS cls_10000,
    e.load_ms AS load_ms,
    e.element AS element,
    e.element_text AS element_text,
    e.click_x AS click_x,
    e.click_y AS click_y,
    e.properties AS properties,
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    toUUID(e._batch_id) AS _batch_id,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'accepted';

ALTER TABLE {db}.user_behavior_silver {on_cluster} UPDATE bot_kind = multiIf(
    bitAnd(bot_reasons, 16) != 0, 'ai_fetcher',
    bitAnd(bot_reasons, 8) != 0, 'ai_crawler',
    bitAnd(bot_reasons, 32) != 0, 'search_crawler',
    bitAnd(bot_reasons, 64) != 0, 'monitor',
    bitAnd(bot_reasons, 128 + 256) != 0, 'automation',
    'other'
) WHERE is_bot = 1 AND bot_kind = '';

CREATE TABLE IF NOT EXISTS {db}.bot_traffic_daily {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    bot_kind LowCardinality(String),
    bot_name LowCardinality(String),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    page_views SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(local_date)
ORDER BY (site_id, local_date, bot_kind, bot_name)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.bot_traffic_daily_mv {on_cluster}
TO {db}.bot_traffic_daily
AS SELECT
    e.site_id AS site_id,
    e.local_date AS local_date,
    e.bot_kind AS bot_kind,
    e.bot_name AS bot_name,
    count() AS rows,
    count() AS events,
    countIf(e.event_type = 'page_view') AS page_views
FROM {db}.user_behavior_silver AS e
WHERE e.is_bot = 1
GROUP BY e.site_id, e.local_date, e.bot_kind, e.bot_name;

-- Data quality. What became of the records of a block, by site and quarter of an hour of their receipt:
-- received = accepted + rejected + duplicates. What could not be read names no site: its site_id is empty.
-- invalid: refused for what it says. untimely: refused for its time, or accepted more than five minutes after it
-- happened. incomplete: from a browser of a person, without language, time zone, screen or a known browser.
-- flawless: accepted, in time and complete. local_date is the day of receipt in UTC, named as reconcile asks for it.
CREATE TABLE IF NOT EXISTS {db}.received_silver {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    received UInt64 CODEC(T64, ZSTD(1)),
    accepted UInt64 CODEC(T64, ZSTD(1)),
    rejected UInt64 CODEC(T64, ZSTD(1)),
    duplicates UInt64 CODEC(T64, ZSTD(1)),
    invalid UInt64 CODEC(T64, ZSTD(1)),
    untimely UInt64 CODEC(T64, ZSTD(1)),
    incomplete UInt64 CODEC(T64, ZSTD(1)),
    flawless UInt64 CODEC(T64, ZSTD(1)),
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, local_date, bucket)
TTL inserted_at + INTERVAL 2 YEAR
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.received_silver_mv {on_cluster}
TO {db}.received_silver
AS WITH
    e.outcome = 'accepted' AS is_accepted,
    e.reason IN ('late', 'too_old', 'in_future') AS is_refused_for_its_time,
    is_accepted AND e.origin != 'replay' AND e.received_at - e.event_at > 300000 AS is_delayed,
    is_accepted AND e.origin = 'browser' AND e.is_bot = 0
        AND (e.language = '' OR e.timezone = '' OR e.screen_width = 0 OR e.browser = '') AS is_incomplete
SELECT
    e.site_id AS site_id,
    toDate(bucket) AS local_date,
    -- A time that no date type of the store can hold counts as its first or last.
    toStartOfFifteenMinutes(
        toDateTime(least(greatest(intDiv(e.received_at, 1000), 0), 4102444800), 'UTC')
    ) AS bucket,
    count() AS received,
    countIf(is_accepted) AS accepted,
    countIf(e.outcome = 'rejected') AS rejected,
    countIf(e.outcome = 'duplicate') AS duplicates,
    countIf(e.outcome = 'rejected' AND NOT is_refused_for_its_time) AS invalid,
    countIf(is_refused_for_its_time OR is_delayed) AS untimely,
    countIf(is_incomplete) AS incomplete,
    countIf(is_accepted AND NOT is_delayed AND NOT is_incomplete) AS flawless,
    e._epoch AS _epoch,
    e._partition AS _partition,
    toUUID(e._batch_id) AS _batch_id,
    now() AS inserted_at
FROM {db}.events_in AS e
GROUP BY e.site_id, bucket, e._epoch, e._partition, e._batch_id;

CREATE TABLE IF NOT EXISTS {db}.data_quality {on_cluster}
(
    site_id LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    rows SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    received SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    accepted SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rejected SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    duplicates SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    invalid SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    untimely SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    incomplete SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    flawless SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = {repl}AggregatingMergeTree
PARTITION BY toYear(bucket)
ORDER BY (site_id, bucket)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.data_quality_mv {on_cluster}
TO {db}.data_quality
AS SELECT
    r.site_id AS site_id,
    r.bucket AS bucket,
    count() AS rows,
    sum(r.received) AS received,
    sum(r.accepted) AS accepted,
    sum(r.rejected) AS rejected,
    sum(r.duplicates) AS duplicates,
    sum(r.invalid) AS invalid,
    sum(r.untimely) AS untimely,
    sum(r.incomplete) AS incomplete,
    sum(r.flawless) AS flawless
FROM {db}.received_silver AS r
GROUP BY r.site_id, r.bucket;
