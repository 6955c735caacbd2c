-- The session as a number, as visitor_hash is the visitor: questions that bring events to their sessions read 8 bytes of
-- each and make none of the id. The engine makes it: no writer names it.

ALTER TABLE {db}.sessions_silver {on_cluster}
ADD COLUMN IF NOT EXISTS session_hash UInt64 MATERIALIZED cityHash64(session_id) CODEC(LZ4) AFTER session_id;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS session_hash UInt64 MATERIALIZED cityHash64(session_id) CODEC(LZ4) AFTER session_id;

-- Until this is done, in the background, it is made of the id as rows from before are read.
ALTER TABLE {db}.sessions_silver {on_cluster} MATERIALIZE COLUMN session_hash;

ALTER TABLE {db}.user_behavior_silver {on_cluster} MATERIALIZE COLUMN session_hash;
