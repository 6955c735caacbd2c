-- Events that were refused in one epoch of the events topic, by reason.
CREATE OR REPLACE VIEW {db}.reject_reasons {on_cluster} AS
SELECT reason, count() AS rejected
FROM {db}.rejected_events_bronze
WHERE _epoch = {epoch:UInt32}
GROUP BY reason
ORDER BY rejected DESC, reason;
