-- Who may ask the API: a log, of which the latest row of a key is how it stands. `digest` is the SHA-256 of the secret,
-- which is kept nowhere. `sites`: site ids, or `*` alone for every site. A key is revoked by a row that says so.
CREATE TABLE IF NOT EXISTS {db}.api_keys {on_cluster}
(
    key_id String CODEC(ZSTD(1)),
    changed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    digest String CODEC(ZSTD(1)),
    label String CODEC(ZSTD(1)),
    scopes Array(LowCardinality(String)) CODEC(ZSTD(1)),
    sites Array(String) CODEC(ZSTD(1)),
    is_revoked UInt8 CODEC(T64, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (key_id, changed_at)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
