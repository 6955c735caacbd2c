-- Why events of a period of a site's own days are thought to come from programs, by reason; most first.
-- metric events: accepted events with the reason; an event counts under each that holds.
-- reason: one bit of the column bot_reasons.
CREATE OR REPLACE VIEW {db}.bot_reasons {on_cluster} AS
SELECT
    reason,
    count() AS events
FROM {db}.user_behavior_silver AS e
ARRAY JOIN bitmaskToArray(e.bot_reasons) AS reason
WHERE e.site_id = {site:String}
    AND e.local_date >= {since:Date} AND e.local_date < {until:Date}
    AND e.bot_reasons != 0
GROUP BY reason
ORDER BY events DESC, reason;
