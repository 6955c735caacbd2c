-- Every event of a person, latest first: of a user id, or of a visitor id.
CREATE OR REPLACE VIEW {db}.person_events {on_cluster} AS
SELECT
    event_at,
    event_type,
    name,
    visitor_id,
    user_id,
    toString(session_id) AS session_id,
    path,
    title,
    is_conversion,
    revenue,
    engaged_ms
FROM {db}.user_behavior_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND (visitor_id = {person:String} OR user_id = {person:String})
ORDER BY event_at DESC, event_id DESC;
