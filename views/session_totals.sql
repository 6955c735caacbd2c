-- One site over a period: its sessions that began in [since_at, until_at), UTC bounds of the site's days.
-- metric sessions: runs of a visitor's events with no gap longer than 30 minutes (settable), by event time.
-- metric bounces: sessions of one page view, no interaction, under 10 s engaged. bounce_rate = bounces / sessions.
-- metric duration_ms: last activity less first event, plus the engaged time on the last page, summed.
-- session_duration_s = duration_ms / sessions / 1000. The median comes from durations, whose buckets are those of
-- migrations/0006_create_session_gold.sql.
-- metric converted_sessions: sessions with a conversion. conversion_rate = converted_sessions / sessions.
CREATE OR REPLACE VIEW {db}.session_totals {on_cluster} AS
SELECT
    sum(sessions) AS sessions,
    sum(bounces) AS bounces,
    sum(converted_sessions) AS converted_sessions,
    sum(duration_ms) AS duration_ms,
    sum(engaged_ms) AS engaged_ms,
    sum(page_views) AS page_views,
    sumMap(durations) AS durations
FROM {db}.session_analytics
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')}
    AND has({bots:Array(UInt8)}, is_bot);
