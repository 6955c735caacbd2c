-- The pages that a person has seen, most viewed first.
CREATE OR REPLACE VIEW {db}.person_pages {on_cluster} AS
SELECT
    path,
    countIf(event_type = 'page_view') AS page_views,
    sum(engaged_ms) AS engaged_ms,
    max(event_at) AS last_seen_at
FROM {db}.user_behavior_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND (visitor_id = {person:String} OR user_id = {person:String})
GROUP BY path
HAVING page_views > 0
ORDER BY page_views DESC, path;
