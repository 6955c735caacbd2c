-- Sessions that began on the days of a period, by the values of attributes of theirs, and of all ('', ''): these have
-- the checksum of each day, too.
CREATE OR REPLACE VIEW {db}.attribute_sums {on_cluster} AS
SELECT
    attribute,
    value,
    sum(g.sessions) AS sessions,
    sum(g.bounces) AS bounces,
    sum(g.converted_sessions) AS converted_sessions,
    sum(g.duration_ms) AS duration_ms,
    sum(g.page_views) AS page_views,
    sum(g.events) AS events,
    sum(g.conversions) AS conversions,
    sum(g.revenue) AS revenue,
    sumMap(g.durations) AS durations,
    sumMap(map(g.local_date, g.checksum)) AS checksums
FROM {db}.session_attributes_daily AS g
WHERE site_id = {site:String}
    AND attribute IN {attributes:Array(String)}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY attribute, value
HAVING sessions > 0
ORDER BY sessions DESC, attribute, value;
