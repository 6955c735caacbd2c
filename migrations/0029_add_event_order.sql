-- What puts events in order, and what tells viewed pages apart, as one number each: questions about walks and paths read
-- 8 bytes of an event where they read a time and an offset, and 8 where they read its type and its page.

-- The ms since 1970 in the upper 42 bits, which last until 2109; below them the last 22 bits of the offset, which
-- decide between events of one visitor in the same ms, but where the offset passes a multiple of four million.
ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS event_order UInt64 MATERIALIZED bitOr(
    bitShiftLeft(toUInt64(toUnixTimestamp64Milli(event_at)), 22), bitAnd(toUInt64(_offset), 4194303)
) CODEC(Delta, LZ4) AFTER event_at;

ALTER TABLE {db}.user_behavior_silver {on_cluster}
ADD COLUMN IF NOT EXISTS viewed_hash UInt64 MATERIALIZED if(event_type = 'page_view', cityHash64(path), 0) CODEC(LZ4)
AFTER path_hash;

-- Until this is done, in the background, they are made of what they are made of as rows from before are read.
ALTER TABLE {db}.user_behavior_silver {on_cluster} MATERIALIZE COLUMN event_order, MATERIALIZE COLUMN viewed_hash
SETTINGS mutations_sync = 0;
