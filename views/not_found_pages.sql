-- Pages that are not there and that search engines still send to: events of the page say 404 or 410 in the property
-- `status`; those with most sessions first.
-- reach: a day after the period, for events of its last sessions.
-- metric sessions: sessions of the channel Organic Search that began in the period, entered by the page, and have such
-- an event of it. metric fetches: such events of search engines' crawlers in the period.
CREATE OR REPLACE VIEW {db}.not_found_pages {on_cluster} AS
SELECT
    f.path AS path,
    uniqExactIf(f.session_id, f.is_landing) AS sessions,
    countIf(f.is_fetch) AS fetches,
    formatDateTime(maxIf(f.event_at, f.is_landing OR f.is_fetch), '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS last_at
FROM (
    SELECT
        e.path AS path,
        e.event_at AS event_at,
        s.session_id AS session_id,
        s.session_id != toUUID('00000000-0000-0000-0000-000000000000') AND s.entry_path = e.path AS is_landing,
        e.bot_kind = 'search_crawler' AND e.local_date < {until:Date} AS is_fetch
    FROM (
        SELECT
            if(m.session_id = toUUID('00000000-0000-0000-0000-000000000000'), b.session_id, m.living_id) AS living_id,
            b.path AS path,
            b.event_at AS event_at,
            b.local_date AS local_date,
            b.bot_kind AS bot_kind
        FROM {db}.user_behavior_silver AS b
        LEFT JOIN (
            SELECT session_id, argMax(merged_into, version) AS living_id
            FROM {db}.session_merges
            WHERE site_id = {site:String}
            GROUP BY session_id
        ) AS m ON m.session_id = b.session_id
        WHERE b.site_id = {site:String} AND b.local_date >= {since:Date} AND b.local_date < {reach:Date}
            AND position(b.properties, '"status"') > 0
            AND JSONExtractRaw(b.properties, 'status') IN ('404', '410', '"404"', '"410"')
    ) AS e
    LEFT JOIN (
        SELECT session_id, entry_path
        FROM {db}.sessions_silver
        WHERE site_id = {site:String}
            AND local_date >= {since:Date} AND local_date < {until:Date}
            AND has({bots:Array(UInt8)}, is_bot) AND channel = 'Organic Search' AND page_views > 0
        GROUP BY session_id, entry_path
        HAVING sum(sign) > 0
    ) AS s ON s.session_id = e.living_id
) AS f
GROUP BY path
HAVING sessions > 0 OR fetches > 0
ORDER BY sessions DESC, fetches DESC, path
LIMIT {limit:UInt32};
