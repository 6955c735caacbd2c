-- Gold of a site's day by the pages that its sessions entered and left by, so that a page's entries are not looked for
-- in all sessions. It holds what is written from now on; `wua reconcile --repair` fills in the days before.

-- Signed sums: a retraction takes back the entry and the exit that it stated. A session's rows count at both of its
-- ends, so `rows` is entries and exits.
CREATE TABLE IF NOT EXISTS {db}.page_sessions_daily {on_cluster}
(
    site_id LowCardinality(String),
    path String CODEC(ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    rows Int64 CODEC(T64, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1)),
    exits Int64 CODEC(T64, ZSTD(1)),
    bounces Int64 CODEC(T64, ZSTD(1))
)
ENGINE = {repl}SummingMergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, path, local_date, is_bot)
SETTINGS
    index_granularity = 512,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.page_sessions_daily_mv {on_cluster}
TO {db}.page_sessions_daily
AS SELECT
    s.site_id AS site_id,
    at_page.1 AS path,
    s.local_date AS local_date,
    s.is_bot AS is_bot,
    sum(s.sign) AS rows,
    sum(s.sign * at_page.2) AS entries,
    sum(s.sign * (1 - at_page.2)) AS exits,
    sum(s.sign * at_page.2 * s.is_bounce) AS bounces
FROM {db}.sessions_silver AS s
ARRAY JOIN [(s.entry_path, 1), (s.exit_path, 0)] AS at_page
WHERE s.page_views > 0
GROUP BY s.site_id, path, s.local_date, s.is_bot;
