-- What a program is for, as a column: app.events.vocabulary.BotKind. Rows of before get it from their reasons, whose
-- bits are those of BotReason. And gold of what programs did, by the site's own day.
-- Gold holds what is written from now on; `wua reconcile --repair` fills in the days before.
-- TRICKY: a column first, then the query that fills it: a worker of the version before is at work meanwhile.

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS bot_kind String AFTER bot_name;

ALTER TABLE {db}.page_views_silver {on_cluster}
ADD COLUMN IF NOT EXISTS bot_kind LowCardinality(String) AFTER bot_name;

ALTER TABLE {db}.page_views_silver_mv {on_cluster} MODIFY QUERY SELECT
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

ALTER TABLE {db}.user_behavior_silver_mv {on_cluster} MODIFY QUERY SELECT
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
