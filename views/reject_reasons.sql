-- Events that were refused, by reason: of the epochs given, or of all where none is.
CREATE OR REPLACE VIEW {db}.reject_reasons {on_cluster} AS
SELECT reason, count() AS rejected
FROM {db}.rejected_events_bronze
WHERE empty({epochs:Array(UInt32)}) OR has({epochs:Array(UInt32)}, _epoch)
GROUP BY reason
ORDER BY rejected DESC, reason;
