-- Each session of a site that began in a period, in its latest version: FINAL leaves out what was taken back, for -1
-- repeats the row that +1 stated.
CREATE OR REPLACE VIEW {db}.living_sessions {on_cluster} AS
SELECT
    toString(s.session_id) AS session_id,
    s.visitor_id AS visitor_id,
    s.user_id AS user_id,
    s.started_at AS started_at,
    s.ended_at AS ended_at,
    s.duration_ms AS duration_ms,
    s.page_views AS page_views,
    s.events AS events,
    s.conversions AS conversions,
    s.revenue AS revenue,
    s.is_bounce AS is_bounce,
    s.is_bot AS is_bot,
    s.entry_path AS entry_path,
    s.exit_path AS exit_path,
    s.referrer_host AS referrer_host,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.country AS country,
    s.device_class AS device_class,
    s.browser AS browser,
    s.os AS os
FROM {db}.sessions_silver AS s FINAL
WHERE s.site_id = {site:String}
    AND s.local_date >= {since:Date} AND s.local_date < {until:Date}
    AND s.sign > 0 AND has({bots:Array(UInt8)}, s.is_bot);
