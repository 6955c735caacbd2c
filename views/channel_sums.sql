-- Sessions by channel, without visitors: what is said of session rows, and taken back by retractions.
CREATE OR REPLACE VIEW {db}.channel_sums {on_cluster} AS
SELECT
    channel,
    sum(g.sessions) AS sessions,
    sum(g.bounces) AS bounces,
    sum(g.converted_sessions) AS converted_sessions,
    sum(g.duration_ms) AS duration_ms,
    sum(g.page_views) AS page_views,
    sum(g.conversions) AS conversions,
    sum(g.revenue) AS revenue
FROM {db}.traffic_sources_daily AS g
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY channel
HAVING sessions > 0
ORDER BY sessions DESC, channel;
