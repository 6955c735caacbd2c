-- Each session of a site that began in a period, in its latest version: of the rows of a session the -1 takes back
-- the +1 of the same version, so what lives is the highest version stated.
CREATE OR REPLACE VIEW {db}.living_sessions {on_cluster} AS
SELECT
    toString(s.session_id) AS session_id,
    s.visitor_id AS visitor_id,
    argMax(s.user_id, s.version * s.sign) AS user_id,
    argMax(s.started_at, s.version * s.sign) AS started_at,
    argMax(s.ended_at, s.version * s.sign) AS ended_at,
    argMax(s.duration_ms, s.version * s.sign) AS duration_ms,
    argMax(s.page_views, s.version * s.sign) AS page_views,
    argMax(s.events, s.version * s.sign) AS events,
    argMax(s.conversions, s.version * s.sign) AS conversions,
    argMax(s.revenue, s.version * s.sign) AS revenue,
    argMax(s.is_bounce, s.version * s.sign) AS is_bounce,
    argMax(s.is_bot, s.version * s.sign) AS is_bot,
    argMax(s.entry_path, s.version * s.sign) AS entry_path,
    argMax(s.exit_path, s.version * s.sign) AS exit_path,
    argMax(s.referrer_host, s.version * s.sign) AS referrer_host,
    argMax(s.channel, s.version * s.sign) AS channel,
    argMax(s.source, s.version * s.sign) AS source,
    argMax(s.medium, s.version * s.sign) AS medium,
    argMax(s.campaign, s.version * s.sign) AS campaign,
    argMax(s.country, s.version * s.sign) AS country,
    argMax(s.device_class, s.version * s.sign) AS device_class,
    argMax(s.browser, s.version * s.sign) AS browser,
    argMax(s.os, s.version * s.sign) AS os
FROM {db}.sessions_silver AS s
WHERE s.site_id = {site:String}
    AND s.local_date >= {since:Date} AND s.local_date < {until:Date}
GROUP BY s.session_id, s.visitor_id
HAVING sum(s.sign) > 0 AND has({bots:Array(UInt8)}, is_bot);
