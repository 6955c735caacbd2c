-- metric visitors by device_class: distinct visitors with a session of it, estimated (uniqCombined64(16): exact up to about 2,000,
-- then within 0.4 %). They are fewer than the sum over what device_class is broken down by: a visitor may have come in two
-- ways. A row that a -1 takes back is passed over; where there is no -1, that is known before rows are read.
CREATE OR REPLACE VIEW {db}.device_class_visitors {on_cluster} AS
SELECT device_class, uniqCombined64(16)(visitor_hash) AS visitors
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
    )
GROUP BY device_class
ORDER BY visitors DESC, device_class;
