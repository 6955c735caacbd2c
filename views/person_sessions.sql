-- The sessions of a person in their latest versions, latest first.
CREATE OR REPLACE VIEW {db}.person_sessions {on_cluster} AS
SELECT
    toString(s.session_id) AS session_id,
    argMax(s.started_at, s.version * s.sign) AS started_at,
    argMax(s.duration_ms, s.version * s.sign) AS duration_ms,
    argMax(s.page_views, s.version * s.sign) AS page_views,
    argMax(s.conversions, s.version * s.sign) AS conversions,
    argMax(s.is_bounce, s.version * s.sign) AS is_bounce,
    argMax(s.entry_path, s.version * s.sign) AS entry_path,
    argMax(s.exit_path, s.version * s.sign) AS exit_path,
    argMax(s.channel, s.version * s.sign) AS channel,
    argMax(s.device_class, s.version * s.sign) AS device_class
FROM {db}.sessions_silver AS s
WHERE s.site_id = {site:String}
    AND s.local_date >= {since:Date} AND s.local_date < {until:Date}
    AND has({bots:Array(UInt8)}, s.is_bot)
    AND (s.visitor_id = {person:String} OR s.user_id = {person:String})
GROUP BY s.session_id
HAVING sum(s.sign) > 0
ORDER BY started_at DESC, session_id;
