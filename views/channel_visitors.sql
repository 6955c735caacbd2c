-- metric visitors by channel: distinct visitors with a session of it, estimated (uniqCombined64(16): exact up to about
-- 2,000, then within 0.4 %). They are fewer than the sum over what channel is broken down by: a visitor may have come in
-- two ways.
CREATE OR REPLACE VIEW {db}.channel_visitors {on_cluster} AS
SELECT channel, uniqCombined64(16)(visitor_hash) AS visitors
FROM {db}.standing_sessions(site = {site:String}, since = {since:Date}, until = {until:Date}, bots = {bots:Array(UInt8)})
GROUP BY channel
ORDER BY visitors DESC, channel;
