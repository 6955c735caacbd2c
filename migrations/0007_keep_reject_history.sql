-- An event that was refused may be sent back; when it is refused again, its row tells of the times before:
-- replays counts them, history is a JSON array of app.events.dead_letter.Refusal, in order of time.
-- TRICKY: a view is replaced in one step. Dropped and made anew, it would lose what a worker of the version before
-- refuses between the two; with its query modified, it would take a block twice that is inserted again.

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS replays UInt16;

ALTER TABLE {db}.events_in {on_cluster} ADD COLUMN IF NOT EXISTS history String AFTER replays;

ALTER TABLE {db}.rejected_events_bronze {on_cluster}
ADD COLUMN IF NOT EXISTS replays UInt16 CODEC(T64, ZSTD(1)) AFTER payload;

ALTER TABLE {db}.rejected_events_bronze {on_cluster}
ADD COLUMN IF NOT EXISTS history String CODEC(ZSTD(3)) AFTER replays;

CREATE OR REPLACE MATERIALIZED VIEW {db}.rejected_events_bronze_mv {on_cluster} TO {db}.rejected_events_bronze AS
SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    e.reason AS reason,
    e.field AS field,
    e.step AS step,
    e.detail AS detail,
    e.event_id AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.payload AS payload,
    e.replays AS replays,
    e.history AS history,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'rejected';
