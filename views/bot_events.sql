-- Accepted events that were flagged as bot traffic: of the epochs given, or of all where none is.
CREATE OR REPLACE VIEW {db}.bot_events {on_cluster} AS
SELECT count() AS events
FROM {db}.user_behavior_silver
WHERE is_bot = 1 AND (empty({epochs:Array(UInt32)}) OR has({epochs:Array(UInt32)}, _epoch));
