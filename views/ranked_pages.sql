-- The same as top_pages, of the days and weeks that the period consists of (`spans`: 1 or 7 days from a date on, with
-- no gap or overlap; views/spans.py). Few sketches are merged, and `visitors` is the same estimate.
CREATE OR REPLACE VIEW {db}.ranked_pages {on_cluster} AS
SELECT
    path,
    sum(page_views) AS page_views,
    uniqCombined64Merge(12)(visitors) AS visitors,
    sum(engaged_ms) AS engaged_ms
FROM {db}.page_visitors
WHERE site_id = {site:String}
    AND (span, since) IN {spans:Array(Tuple(UInt8, Date))}
    AND has({bots:Array(UInt8)}, is_bot)
    AND path IN (
        SELECT path
        FROM {db}.page_visitors
        WHERE site_id = {site:String}
            AND (span, since) IN {spans:Array(Tuple(UInt8, Date))}
            AND has({bots:Array(UInt8)}, is_bot)
        GROUP BY path
        HAVING sum(page_views) > 0
        ORDER BY sum(page_views) DESC, path
        LIMIT {limit:UInt32}
    )
GROUP BY path
ORDER BY page_views DESC, path;
