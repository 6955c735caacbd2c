-- Sessions by channel, source. Every figure is of session rows: a retraction takes back what it stated.
-- metric visitors: distinct visitors with a session of this kind, estimated (uniqCombined64(16): exact up to
-- about 2,000, then within 0.4 %).
CREATE OR REPLACE VIEW {db}.traffic_sources {on_cluster} AS
SELECT
    s.*,
    v.visitors AS visitors
FROM (
    SELECT
        channel, source,
        sum(sessions) AS sessions,
        sum(bounces) AS bounces,
        sum(converted_sessions) AS converted_sessions,
        sum(duration_ms) AS duration_ms,
        sum(page_views) AS page_views,
        sum(conversions) AS conversions,
        sum(revenue) AS revenue
    FROM {db}.traffic_sources_daily
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY channel, source
    HAVING sessions > 0
) AS s
LEFT JOIN (
    SELECT channel, source, uniqCombined64(16)(visitor_hash) AS visitors
    FROM {db}.standing_sessions(site = {site:String}, since = {since:Date}, until = {until:Date}, bots = {bots:Array(UInt8)})
    GROUP BY channel, source
) AS v USING (channel, source)
ORDER BY sessions DESC, channel, source;
