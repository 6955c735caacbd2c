-- metric visitors by device_class: distinct visitors with a session of it, exact. They are fewer than the sum over what
-- device_class is broken down by: a visitor may have come in two ways.
CREATE OR REPLACE VIEW {db}.device_class_visitors {on_cluster} AS
SELECT device_class, count() AS visitors
FROM (
    SELECT device_class, visitor_id
    FROM {db}.sessions_silver
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY device_class, visitor_id
    HAVING sum(sign) > 0
)
GROUP BY device_class
ORDER BY visitors DESC, device_class;
