-- The sessions of a person in their latest versions, latest first; the parameters are those of person_behavior. Whose a
-- session is, its last user id says; one without is of who its visitor was when it began.
CREATE OR REPLACE VIEW {db}.person_sessions {on_cluster} AS
SELECT
    toString(s.session_id) AS session_id,
    any(s.visitor_id) AS visitor_id,
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
    AND (
        s.user_id IN ({users:Array(String)})
        OR (
            s.user_id = ''
            AND s.visitor_id IN ({visitors:Array(String)})
            AND arrayExists(
                span -> toUnixTimestamp64Milli(s.started_at) >= span.1
                    AND toUnixTimestamp64Milli(s.started_at) < span.2,
                {spans:Array(Array(Tuple(Int64, Int64)))}[indexOf({visitors:Array(String)}, s.visitor_id)]
            )
        )
    )
GROUP BY s.session_id
HAVING sum(s.sign) > 0
ORDER BY started_at DESC, session_id;
