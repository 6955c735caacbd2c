-- Visitors by channel, and by device_class, in one reading; the other is empty and is_channel says which it is. The same
-- figures as those of channel_visitors and device_class_visitors.
CREATE OR REPLACE VIEW {db}.kind_visitors {on_cluster} AS
SELECT channel, device_class, grouping(device_class) AS is_channel, uniqCombined64(16)(visitor_hash) AS visitors
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
GROUP BY GROUPING SETS ((channel), (device_class));
