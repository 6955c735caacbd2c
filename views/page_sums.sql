-- What happened on each page of a site over a period: its events on the days they happened, and the sessions that
-- began in the period and entered or left by it.
-- metric page_views: page views of it. metric leaves: its $page_leave events. metric engaged_ms: engaged time that
-- they report. metric scroll_depth: sum of the depths that they report, in %. metric entries: sessions whose first
-- page view is of it. metric exits: sessions whose last page view is of it. metric bounces: entries that bounced.
CREATE OR REPLACE VIEW {db}.page_sums {on_cluster} AS
SELECT
    path,
    sum(p.page_views) AS page_views,
    sum(p.leaves) AS leaves,
    sum(p.engaged_ms) AS engaged_ms,
    sum(p.scroll_depth) AS scroll_depth,
    sum(p.entries) AS entries,
    sum(p.exits) AS exits,
    sum(p.bounces) AS bounces
FROM (
    SELECT
        path,
        toInt64(sum(g.page_views)) AS page_views,
        toInt64(sum(g.leaves)) AS leaves,
        toInt64(sum(g.engaged_ms)) AS engaged_ms,
        toInt64(sum(g.scroll_depth)) AS scroll_depth,
        toInt64(0) AS entries,
        toInt64(0) AS exits,
        toInt64(0) AS bounces
    FROM {db}.page_performance_metrics AS g
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY path
    UNION ALL
    SELECT
        path,
        toInt64(0) AS page_views,
        toInt64(0) AS leaves,
        toInt64(0) AS engaged_ms,
        toInt64(0) AS scroll_depth,
        sum(s.entries) AS entries,
        sum(s.exits) AS exits,
        sum(s.bounces) AS bounces
    FROM {db}.page_sessions_daily AS s
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY path
) AS p
GROUP BY path
HAVING page_views > 0 OR entries > 0 OR exits > 0;
