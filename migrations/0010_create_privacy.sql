-- What erasing people and keeping sites' rows for a while has to remember. Neither table holds an id of anybody.

-- Erasures that have begun and not ended: `person` is a digest of who was asked for, `salt` makes the ids that theirs
-- become. A run that was cut off is finished under the same salt; then the row goes, and nobody can tell any more whose
-- the new ids are.
CREATE TABLE IF NOT EXISTS {db}.erasures_under_way {on_cluster}
(
    person String CODEC(ZSTD(1)),
    salt String CODEC(ZSTD(1)),
    began_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY person
TTL began_at + INTERVAL 30 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- How many days a site's rows are kept in bronze and silver, from when on (0: as long as the tables say). The rows
-- before the last are history: what they let go does not come back when a site keeps more again.
CREATE TABLE IF NOT EXISTS {db}.site_retention {on_cluster}
(
    site_id LowCardinality(String),
    days UInt32 CODEC(T64, ZSTD(1)),
    since DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (site_id, since)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
