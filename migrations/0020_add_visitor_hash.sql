-- The visitor as a number, so that questions which tell visitors apart read and compare 8 bytes and not a text. It is
-- made of the id by the engine: no writer names it.

ALTER TABLE {db}.sessions_silver {on_cluster}
ADD COLUMN IF NOT EXISTS visitor_hash UInt64 MATERIALIZED cityHash64(visitor_id) CODEC(LZ4) AFTER visitor_id;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS visitor_hash UInt64 MATERIALIZED cityHash64(visitor_id) CODEC(LZ4) AFTER visitor_id;

-- Until this is done, in the background, it is made of the id as rows from before are read.
ALTER TABLE {db}.sessions_silver {on_cluster} MATERIALIZE COLUMN visitor_hash;

ALTER TABLE {db}.user_behavior_silver {on_cluster} MATERIALIZE COLUMN visitor_hash;
