-- Every event of a person, latest first. `session_id` is the session that an event belongs to now: the one that it was
-- written with may have merged into another.
CREATE OR REPLACE VIEW {db}.person_events {on_cluster} AS
WITH mine AS (
    SELECT *
    FROM {db}.person_behavior(
        site = {site:String},
        since = {since:Date},
        until = {until:Date},
        bots = {bots:Array(UInt8)},
        users = {users:Array(String)},
        visitors = {visitors:Array(String)},
        spans = {spans:Array(Array(Tuple(Int64, Int64)))}
    )
)
SELECT
    e.event_at AS event_at,
    e.event_type AS event_type,
    e.name AS name,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    toString(if(m.died, m.heir, e.session_id)) AS session_id,
    e.path AS path,
    e.title AS title,
    e.is_conversion AS is_conversion,
    e.revenue AS revenue,
    e.engaged_ms AS engaged_ms
FROM mine AS e
LEFT JOIN (
    SELECT session_id, argMax(merged_into, version) AS heir, 1 AS died
    FROM {db}.session_merges
    WHERE site_id = {site:String} AND session_id IN (SELECT session_id FROM mine)
    GROUP BY session_id
) AS m ON m.session_id = e.session_id
ORDER BY e.event_at DESC, e.event_id DESC;
