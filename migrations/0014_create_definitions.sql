-- What operators define: funnels, goals and what else asks for a name of its own. Every version is kept and none is
-- changed; the latest counts. A version is written under a token of its own, so that of two writers one is refused.
-- body: the definition as JSON; empty where it was deleted.
CREATE TABLE IF NOT EXISTS {db}.definitions {on_cluster}
(
    kind LowCardinality(String),
    site_id LowCardinality(String),
    id String CODEC(ZSTD(1)),
    version UInt32 CODEC(T64, ZSTD(1)),
    body String CODEC(ZSTD(1)),
    is_deleted UInt8,
    changed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (site_id, kind, id, version)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
