-- Reports that are made in the background. Nothing here holds a visitor's or a user's id.

-- What became of each report: a row for each change and each sign of life, never edited; views/report_job_states.sql
-- finds the one that holds. Who is to make a report is decided by the deduplication of inserts: a claim's token names
-- report and attempt, so that the engine keeps the first claim alone, whichever web process it comes from.
CREATE TABLE IF NOT EXISTS {db}.report_jobs {on_cluster}
(
    job_id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    state LowCardinality(String),
    attempt UInt32 CODEC(T64, ZSTD(1)),
    owner String CODEC(ZSTD(1)),
    lease_until DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    progress Float32 CODEC(ZSTD(1)),
    site_id LowCardinality(String),
    template LowCardinality(String),
    format LowCardinality(String),
    bots LowCardinality(String),
    since Date CODEC(Delta, ZSTD(1)),
    until Date CODEC(Delta, ZSTD(1)),
    created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    schedule_id String CODEC(ZSTD(1)),
    due_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    is_handed_over UInt8 CODEC(T64, ZSTD(1)),
    bytes UInt64 CODEC(T64, ZSTD(1)),
    problem String CODEC(ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (job_id, attempt, at)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- The finished files, in base64: here every web process can hand them out. The settings keep them for a shorter time.
CREATE TABLE IF NOT EXISTS {db}.report_files {on_cluster}
(
    job_id String CODEC(ZSTD(1)),
    attempt UInt32 CODEC(T64, ZSTD(1)),
    kept_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    bytes UInt64 CODEC(T64, ZSTD(1)),
    data String CODEC(ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (job_id, attempt)
TTL toDateTime(kept_at) + INTERVAL 30 DAY
SETTINGS
    index_granularity = 16,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- Which report is sent to whom, and when. A schedule that is removed is deleted, addresses and all.
CREATE TABLE IF NOT EXISTS {db}.report_schedules {on_cluster}
(
    schedule_id String CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    site_id LowCardinality(String),
    template LowCardinality(String),
    format LowCardinality(String),
    bots LowCardinality(String),
    cadence LowCardinality(String),
    time_of_day LowCardinality(String),
    mail_to Array(String) CODEC(ZSTD(1)),
    webhook String CODEC(ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY schedule_id
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
