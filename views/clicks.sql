-- The clicks on one page of a site over a period of its own days, each with what the visitor did next.
-- reach: a day that is some seconds after the period at least, for what follows the last clicks of it; what came before
-- the first is looked for on the day before.
-- metric is_placed: whether the click says where it was, as shares of the page's width and height.
-- metric is_rage: whether it is one of three clicks, one after the other, by which a visitor clicked the page within
-- 1,000 ms and no further apart than 0.02 of its width and of its height (Float32, so to the sixth digit).
-- metric is_burst: whether a run of such clicks begins with it.
-- metric is_dead: whether for 5,000 ms no event of the visitor followed, of any kind but $page_leave, $web_vitals and
-- $exposure, which pages send by themselves; and it was on nothing that browsers act on: no text of a link or button,
-- no name (outbound, download), no a, button, input, select, textarea, label, option, summary, video or audio on the
-- way to the element.
CREATE OR REPLACE VIEW {db}.clicks {on_cluster} AS
SELECT *
FROM (
    SELECT
        r.*,
        max(r.starts) OVER (
            PARTITION BY r.visitor_id, r.is_placed ORDER BY r.event_at, r._offset
            ROWS BETWEEN 2 PRECEDING AND CURRENT ROW
        ) AS is_rage,
        r.starts AND max(r.starts) OVER (
            PARTITION BY r.visitor_id, r.is_placed ORDER BY r.event_at, r._offset
            ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING
        ) = 0 AS is_burst
    FROM (
        SELECT
            c.*,
            (c.next_at IS NULL OR dateDiff('millisecond', c.event_at, c.next_at) > 5000)
                AND c.name = '' AND c.element_text = ''
                AND NOT match(
                    c.element, '(^|> )(a|button|input|select|textarea|label|option|summary|video|audio)([#. ]|$)'
                ) AS is_dead,
            c.is_placed
                AND ifNull(dateDiff('millisecond', c.event_at, leadInFrame(toNullable(c.event_at), 2) OVER (
                    PARTITION BY c.visitor_id, c.is_placed ORDER BY c.event_at, c._offset
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                )) <= 1000, 0)
                AND round(toFloat64(max(c.click_x) OVER three - min(c.click_x) OVER three), 6) <= 0.02
                AND round(toFloat64(max(c.click_y) OVER three - min(c.click_y) OVER three), 6) <= 0.02 AS starts
        FROM (
            SELECT
                e.*,
                e.path_hash AS path_hash,
                JSONType(e.properties, 'x') != 'Null' AND JSONType(e.properties, 'y') != 'Null' AS is_placed,
                leadInFrame(toNullable(e.event_at)) OVER (
                    PARTITION BY e.visitor_id ORDER BY e.event_at, e._offset
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) AS next_at
            FROM {db}.user_behavior_silver AS e
            WHERE e.site_id = {site:String}
                AND e.local_date >= toDate(greatest(toInt32({since:Date}) - 1, 0)) AND e.local_date < {reach:Date}
                AND e.name NOT IN ('$page_leave', '$web_vitals', '$exposure')
                AND e.visitor_id IN (
                    SELECT visitor_id FROM {db}.user_behavior_silver
                    WHERE site_id = {site:String} AND path = {path:String} AND event_type = 'click'
                        AND local_date >= {since:Date} AND local_date < {until:Date}
                )
        ) AS c
        WHERE c.event_type = 'click' AND c.path = {path:String} AND has({bots:Array(UInt8)}, c.is_bot)
        WINDOW three AS (
            PARTITION BY c.visitor_id, c.is_placed ORDER BY c.event_at, c._offset
            ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING
        )
    ) AS r
)
WHERE local_date >= {since:Date} AND local_date < {until:Date};
