-- Visitors by channel, and by device_class, in one reading; the other is empty and is_channel says which it is. The same
-- figures as those of channel_visitors and device_class_visitors.
CREATE OR REPLACE VIEW {db}.kind_visitors {on_cluster} AS
SELECT channel, device_class, grouping(device_class) AS is_channel, uniqCombined64(16)(visitor_hash) AS visitors
FROM {db}.standing_sessions(site = {site:String}, since = {since:Date}, until = {until:Date}, bots = {bots:Array(UInt8)})
GROUP BY GROUPING SETS ((channel), (device_class));
