-- Each session of a site that began in a period, in its latest version, with its visitor_hash. A row that a -1 takes back
-- is passed over: it is what FINAL leaves, without the merge of all rows. Where there is no -1, the engine knows before it
-- reads, and reads nothing for it.
CREATE OR REPLACE VIEW {db}.standing_sessions {on_cluster} AS
SELECT *, visitor_hash
FROM {db}.sessions_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND (
        (
            SELECT count()
            FROM {db}.sessions_silver
            WHERE site_id = {site:String}
                AND local_date >= {since:Date} AND local_date < {until:Date}
                AND sign < 0
        ) = 0
        OR (
            sign > 0
            AND (session_id, version) NOT IN (
                SELECT session_id, version
                FROM {db}.sessions_silver
                WHERE site_id = {site:String}
                    AND local_date >= {since:Date} AND local_date < {until:Date}
                    AND sign < 0
            )
        )
    );
