-- Refused events by reason: of the reasons and the sites given, or of all where none is, refused at or after a
-- time.
CREATE OR REPLACE VIEW {db}.dead_letter_reasons {on_cluster} AS
SELECT reason, count() AS letters, min(inserted_at) AS first_at, max(inserted_at) AS last_at
FROM {db}.rejected_events_bronze
WHERE inserted_at >= {since_at:DateTime('UTC')}
    AND (empty({reasons:Array(String)}) OR has({reasons:Array(String)}, reason))
    AND (empty({sites:Array(String)}) OR has({sites:Array(String)}, site_id))
GROUP BY reason
ORDER BY letters DESC, reason;
