-- One row for each of a site's days that has events.
CREATE OR REPLACE VIEW {db}.daily_series {on_cluster} AS
SELECT
    toString(local_date) AS at,
    uniqCombined64Merge(16)(visitors) AS visitors,
    sum(page_views) AS page_views,
    sum(events) AS events
FROM {db}.daily_user_metrics
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY local_date
ORDER BY local_date;
