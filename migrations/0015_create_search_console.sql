-- What Google's Search Console says of a site's pages in search results, as exported files told it
-- (`wua import-search-console`). A row of an export is replaced by a later one of the same key. `dimensions` says what
-- the export is broken down by, such as date,page: exports by different dimensions tell of the same clicks and are
-- never summed. Rows of an export without a date are of all days from first_day to last_day, included.
CREATE TABLE IF NOT EXISTS {db}.search_console {on_cluster}
(
    site_id LowCardinality(String),
    dimensions LowCardinality(String),
    first_day Date CODEC(Delta, ZSTD(1)),
    last_day Date CODEC(Delta, ZSTD(1)),
    page String CODEC(ZSTD(1)),
    path String CODEC(ZSTD(1)),
    search_query String CODEC(ZSTD(1)),
    search_country LowCardinality(String),
    device LowCardinality(String),
    clicks UInt64 CODEC(T64, ZSTD(1)),
    impressions UInt64 CODEC(T64, ZSTD(1)),
    position Float64 CODEC(ZSTD(1)),
    imported_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}ReplacingMergeTree(imported_at)
PARTITION BY toYear(first_day)
ORDER BY (site_id, dimensions, first_day, last_day, page, search_query, search_country, device)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
