-- Who may open the dashboard. Each table is a log: the latest row of an id is how it stands, and what is gone is gone
-- for good. Of passwords there is the argon2id hash, of sessions and links the SHA-256 of the secret.

-- `name` is what people sign in with, in lower case. `roles`: site id, or `*` for every site -> viewer, editor or admin.
-- `subject` is the id that an OpenID provider has for the person, empty until it is known.
CREATE TABLE IF NOT EXISTS {db}.dashboard_users {on_cluster}
(
    id String CODEC(ZSTD(1)),
    changed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    is_gone UInt8 CODEC(T64, ZSTD(1)),
    name String CODEC(ZSTD(1)),
    password_hash String CODEC(ZSTD(1)),
    subject String CODEC(ZSTD(1)),
    roles Map(String, String) CODEC(ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (id, changed_at)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- A row when a session begins, while it is used, and when it ends. `credential` tells which password it was opened with:
-- a new one closes it.
CREATE TABLE IF NOT EXISTS {db}.dashboard_sessions {on_cluster}
(
    digest String CODEC(ZSTD(1)),
    id String CODEC(ZSTD(1)),
    changed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    is_gone UInt8 CODEC(T64, ZSTD(1)),
    account_id String CODEC(ZSTD(1)),
    credential String CODEC(ZSTD(1)),
    expires_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (digest, changed_at)
TTL toDateTime(expires_at) + INTERVAL 1 DAY
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

-- Links that show one site to whoever has them. `filter` is the only one that they show it with, as JSON; `page` is the
-- path that they open. `frame_ancestors`: origins of pages that may embed it.
CREATE TABLE IF NOT EXISTS {db}.dashboard_shares {on_cluster}
(
    id String CODEC(ZSTD(1)),
    changed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    is_gone UInt8 CODEC(T64, ZSTD(1)),
    digest String CODEC(ZSTD(1)),
    site_id LowCardinality(String),
    label String CODEC(ZSTD(1)),
    page String CODEC(ZSTD(1)),
    filter String CODEC(ZSTD(1)),
    password_hash String CODEC(ZSTD(1)),
    frame_ancestors Array(String) CODEC(ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (id, changed_at)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
