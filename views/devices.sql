-- Sessions by device_class, browser, os. Every figure is of session rows: a retraction takes back what it stated.
-- metric visitors: distinct visitors with a session of this kind, estimated (uniqCombined64(16): exact up to
-- about 2,000, then within 0.4 %).
CREATE OR REPLACE VIEW {db}.devices {on_cluster} AS
SELECT
    s.*,
    v.visitors AS visitors
FROM (
    SELECT
        device_class, browser, os,
        sum(sessions) AS sessions,
        sum(bounces) AS bounces,
        sum(converted_sessions) AS converted_sessions,
        sum(duration_ms) AS duration_ms,
        sum(page_views) AS page_views,
        sum(conversions) AS conversions,
        sum(revenue) AS revenue
    FROM {db}.device_breakdown_daily
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY device_class, browser, os
    HAVING sessions > 0
) AS s
LEFT JOIN (
    SELECT device_class, browser, os, uniqCombined64(16)(visitor_hash) AS visitors
    FROM {db}.standing_sessions(site = {site:String}, since = {since:Date}, until = {until:Date}, bots = {bots:Array(UInt8)})
    GROUP BY device_class, browser, os
) AS v USING (device_class, browser, os)
ORDER BY sessions DESC, device_class, browser, os;
