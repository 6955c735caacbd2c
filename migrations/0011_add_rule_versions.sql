-- Which rules and tables an event was decided by: digests that are the same for whole blocks, so that they cost the
-- disk next to nothing. Rows from before have 'unknown', and those of a worker that does not tell yet.

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS rules_version String;

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS geo_version String;

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS networks_version String;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS rules_version LowCardinality(String) DEFAULT 'unknown' AFTER is_conversion;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS geo_version LowCardinality(String) DEFAULT 'unknown' AFTER rules_version;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS networks_version LowCardinality(String) DEFAULT 'unknown' AFTER geo_version;

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
    if(e.rules_version = '', 'unknown', e.rules_version) AS rules_version,
    if(e.rules_version = '', 'unknown', e.geo_version) AS geo_version,
    if(e.rules_version = '', 'unknown', e.networks_version) AS networks_version,
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
