-- The pages of a site with the most page views: ranked first, so that few visitor sketches are merged.
CREATE OR REPLACE VIEW {db}.top_pages {on_cluster} AS
SELECT
    path,
    sum(page_views) AS page_views,
    uniqCombined64Merge(12)(visitors) AS visitors,
    sum(engaged_ms) AS engaged_ms
FROM {db}.page_performance_metrics
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND path IN (
        SELECT path
        FROM {db}.page_performance_metrics
        WHERE site_id = {site:String}
            AND local_date >= {since:Date} AND local_date < {until:Date}
            AND has({bots:Array(UInt8)}, is_bot)
        GROUP BY path
        HAVING sum(page_views) > 0
        ORDER BY sum(page_views) DESC, path
        LIMIT {limit:UInt32}
    )
GROUP BY path
ORDER BY page_views DESC, path;
