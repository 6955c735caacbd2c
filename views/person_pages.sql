-- The pages that a person has seen, most viewed first.
CREATE OR REPLACE VIEW {db}.person_pages {on_cluster} AS
SELECT
    path,
    countIf(event_type = 'page_view') AS page_views,
    sum(engaged_ms) AS engaged_ms,
    max(event_at) AS last_seen_at
FROM {db}.person_behavior(
    site = {site:String},
    since = {since:Date},
    until = {until:Date},
    bots = {bots:Array(UInt8)},
    users = {users:Array(String)},
    visitors = {visitors:Array(String)},
    spans = {spans:Array(Array(Tuple(Int64, Int64)))}
)
GROUP BY path
HAVING page_views > 0
ORDER BY page_views DESC, path;
