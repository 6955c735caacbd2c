-- The pages of each session of days that are over, in the order in which they were viewed, so that a question about paths
-- does not put millions of events in order again. The web processes make it; until they have, events are read.

-- What is made of a day's sessions at once has one `made_id`. It is whole, and right, as long as `session_attributes_daily`
-- has the checksum, and as many sessions and page views of the day: other rows are not looked at, and go once what is right has stood
-- in their place for a day. A session is told by nothing but its visitor and its pages. Its row is kept as long as the first of the rows that it is
-- made of, and goes when its visitor is erased: the day is made anew then.
CREATE TABLE IF NOT EXISTS {db}.page_sequences {on_cluster}
(
    site_id LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    made_id UInt64 CODEC(ZSTD(1)),
    made_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    checksum Int64 CODEC(ZSTD(1)),
    visitor_hash UInt64 CODEC(LZ4),
    pages Array(UInt64) CODEC(LZ4),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, local_date, is_bot, made_id)
TTL inserted_at + INTERVAL 2 YEAR
SETTINGS
    finished_mutations_to_keep = 1,
    min_age_to_force_merge_seconds = 86400,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
