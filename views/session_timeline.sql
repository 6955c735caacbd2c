-- The events of one living session, in order: those written with its id, and those of sessions that merged into it.
-- visitor, since, until: whose it is, and days that hold all of it, so that little is read.
CREATE OR REPLACE VIEW {db}.session_timeline {on_cluster} AS
SELECT
    toString(e.event_id) AS event_id,
    e.event_at AS event_at,
    e.event_type AS event_type,
    e.name AS name,
    e.host AS host,
    e.path AS path,
    e.title AS title,
    e.goal AS goal,
    e.is_conversion AS is_conversion,
    e.revenue AS revenue,
    e.engaged_ms AS engaged_ms,
    e.scroll_depth AS scroll_depth,
    e.element AS element,
    e.bot_reasons AS bot_reasons
FROM {db}.user_behavior_silver AS e
WHERE e.site_id = {site:String}
    AND e.local_date >= {since:Date} AND e.local_date < {until:Date}
    AND e.visitor_id = {visitor:String}
    AND (
        e.session_id = {session:UUID}
        OR e.session_id IN (
            SELECT m.session_id
            FROM {db}.session_merges AS m
            WHERE m.site_id = {site:String}
            GROUP BY m.session_id
            HAVING argMax(m.merged_into, m.version) = {session:UUID}
        )
    )
ORDER BY e.event_at, e._offset;
