-- metric visitors by channel: distinct visitors with a session of it, exact. They are fewer than the sum over what
-- channel is broken down by: a visitor may have come in two ways.
CREATE OR REPLACE VIEW {db}.channel_visitors {on_cluster} AS
SELECT channel, count() AS visitors
FROM (
    SELECT channel, visitor_id
    FROM {db}.sessions_silver
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND has({bots:Array(UInt8)}, is_bot)
    GROUP BY channel, visitor_id
    HAVING sum(sign) > 0
)
GROUP BY channel
ORDER BY visitors DESC, channel;
