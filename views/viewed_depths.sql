-- The page views of one page of a site over a period of its own days, each with how deep it was scrolled.
-- reach: a day that is some hours after the period at least, for the scrolling of its last page views.
-- metric depth: the deepest scroll, in %, that a scroll or $page_leave event of the visitor on the page reported
-- after the page view and before the visitor's next one of the same page; 0 where none did.
CREATE OR REPLACE VIEW {db}.viewed_depths {on_cluster} AS
SELECT d.*
FROM (
    SELECT
        v.*,
        max(v.reported) OVER (PARTITION BY v.visitor_id, v.number) AS depth
    FROM (
        SELECT
            e.*,
            e.path_hash AS path_hash,
            if(e.event_type = 'page_view', 0, e.scroll_depth) AS reported,
            countIf(e.event_type = 'page_view') OVER (
                PARTITION BY e.visitor_id ORDER BY e.event_at, e._offset
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS number
        FROM {db}.user_behavior_silver AS e
        WHERE e.site_id = {site:String} AND e.path = {path:String}
            AND e.local_date >= {since:Date} AND e.local_date < {reach:Date}
            AND (e.event_type IN ('page_view', 'scroll') OR e.name = '$page_leave')
    ) AS v
) AS d
WHERE d.event_type = 'page_view' AND d.local_date < {until:Date} AND has({bots:Array(UInt8)}, d.is_bot);
