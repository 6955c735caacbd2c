-- Accepted events of one epoch of the events topic that were flagged as bot traffic.
CREATE OR REPLACE VIEW {db}.bot_events {on_cluster} AS
SELECT count() AS events
FROM {db}.user_behavior_silver
WHERE _epoch = {epoch:UInt32} AND is_bot = 1;
