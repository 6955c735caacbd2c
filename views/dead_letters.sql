-- Refused events with their payload: of the reasons and the sites given, or of all where none is, refused at or
-- after a time. `id` names the message: epoch, partition and offset. One that was sent back and refused again is
-- `superseded` by the later one.
CREATE OR REPLACE VIEW {db}.dead_letters {on_cluster} AS
SELECT
    concat(toString(d._epoch), '-', toString(d._partition), '-', toString(d._offset)) AS id,
    d._epoch AS epoch,
    d._partition AS partition,
    d._offset AS offset,
    d.inserted_at AS refused_at,
    d.received_at AS received_at,
    d.reason AS reason,
    d.step AS step,
    d.field AS field,
    d.detail AS detail,
    d.event_id AS event_id,
    d.event_type AS event_type,
    d.name AS name,
    d.site_id AS site_id,
    d.visitor_id AS visitor_id,
    d.payload AS payload,
    d.replays AS replays,
    d.history AS history,
    d.replays < l.latest AS superseded
FROM {db}.rejected_events_bronze AS d
LEFT JOIN (
    SELECT site_id, visitor_id, event_id, max(r.replays) AS latest
    FROM {db}.rejected_events_bronze AS r
    WHERE r.replays > 0 AND r.event_id != ''
    GROUP BY site_id, visitor_id, event_id
) AS l ON l.site_id = d.site_id AND l.visitor_id = d.visitor_id AND l.event_id = d.event_id
WHERE d.inserted_at >= {since_at:DateTime('UTC')}
    AND (empty({reasons:Array(String)}) OR has({reasons:Array(String)}, d.reason))
    AND (empty({sites:Array(String)}) OR has({sites:Array(String)}, d.site_id));
