-- What was imported from other analytics tools. Exports of single events are fed as events and are rows like any other:
-- of them only the import itself is remembered. Exports of daily sums are a layer of their own, imported_daily: what
-- another tool counted by its own rules is never added to our figures.

-- The imports that are whole. The id is made of site, tool and content, so that the same file again is the same import.
CREATE TABLE IF NOT EXISTS {db}.imports {on_cluster}
(
    site_id LowCardinality(String),
    import_id UUID,
    tool LowCardinality(String),
    file String CODEC(ZSTD(1)),
    first_date Date CODEC(Delta, ZSTD(1)),
    last_date Date CODEC(Delta, ZSTD(1)),
    taken UInt64 CODEC(T64, ZSTD(1)),
    bad UInt64 CODEC(T64, ZSTD(1)),
    skipped UInt64 CODEC(T64, ZSTD(1)),
    imported_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}ReplacingMergeTree(imported_at)
ORDER BY (site_id, import_id)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- A day of a site as another tool counted it, as a whole (dimension `total`) or by page, source, country and so on. A row
-- that is written again takes the place of the one before; where two imports have the same day, the later one holds.
CREATE TABLE IF NOT EXISTS {db}.imported_daily {on_cluster}
(
    site_id LowCardinality(String),
    dimension LowCardinality(String),
    local_date Date CODEC(Delta, ZSTD(1)),
    import_id UUID,
    value String CODEC(ZSTD(1)),
    visitors UInt64 CODEC(T64, ZSTD(1)),
    visits UInt64 CODEC(T64, ZSTD(1)),
    page_views UInt64 CODEC(T64, ZSTD(1)),
    bounces UInt64 CODEC(T64, ZSTD(1)),
    visit_duration_s UInt64 CODEC(T64, ZSTD(1)),
    exits UInt64 CODEC(T64, ZSTD(1)),
    events UInt64 CODEC(T64, ZSTD(1)),
    imported_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}ReplacingMergeTree(imported_at)
PARTITION BY toYear(local_date)
ORDER BY (site_id, dimension, local_date, import_id, value)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
