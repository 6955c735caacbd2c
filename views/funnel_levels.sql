-- How many visitors got how far in an ordered funnel within window_ms of their first step.
-- Step n is a page (regular expression pages[n], on page views) or an event (names[n]): the other is empty.
-- A step beyond the funnel's end never holds. Funnels have at most 20 steps.
CREATE OR REPLACE VIEW {db}.funnel_levels {on_cluster} AS
SELECT level, count() AS visitors
FROM (
    SELECT
        visitor_id,
        windowFunnel({window_ms:UInt64})(
            at_ms,
            holds[1], holds[2], holds[3], holds[4], holds[5], holds[6], holds[7], holds[8], holds[9], holds[10],
            holds[11], holds[12], holds[13], holds[14], holds[15], holds[16], holds[17], holds[18], holds[19],
            holds[20]
        ) AS level
    FROM (
        SELECT
            visitor_id,
            toUInt64(toUnixTimestamp64Milli(event_at)) AS at_ms,
            arrayMap(
                (page, event) -> if(page != '', event_type = 'page_view' AND match(path, page), name = event),
                {pages:Array(String)},
                {names:Array(String)}
            ) AS holds
        FROM {db}.user_behavior_silver
        WHERE site_id = {site:String}
            AND local_date >= {since:Date} AND local_date < {until:Date}
            AND has({bots:Array(UInt8)}, is_bot)
    )
    GROUP BY visitor_id
)
WHERE level > 0
GROUP BY level
ORDER BY level;
