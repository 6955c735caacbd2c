-- The page as a number, as visitor_hash is the visitor: questions that look for a page, or tell pages apart, read 8 bytes
-- of an event and not a text.

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS path_hash UInt64 MATERIALIZED cityHash64(path) CODEC(LZ4) AFTER path;

-- Until this is done, in the background, it is made of the path as rows from before are read.
ALTER TABLE {db}.user_behavior_silver {on_cluster} MATERIALIZE COLUMN path_hash;
