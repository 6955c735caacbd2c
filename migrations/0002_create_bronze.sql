-- Bronze: what arrived, as it arrived (less the IP). One block of Kafka offsets is one part in each table.
-- TTL counts from inserted_at, when ClickHouse got the row: a replay of old events must not vanish at once.
-- TRICKY: no PARTITION BY may use inserted_at. Deduplication tokens count within a partition, and a retry
-- after midnight would fall into another one and be stored twice.

CREATE TABLE IF NOT EXISTS {db}.page_views_bronze {on_cluster}
(
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _offset Int64 CODEC(Delta, ZSTD(1)),
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id UUID CODEC(ZSTD(1)),
    event_type LowCardinality(String),
    name LowCardinality(String),
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    session_id UUID CODEC(ZSTD(1)),
    event_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String),
    is_bot UInt8,
    payload String CODEC(ZSTD(3)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site_id, received_at, _partition, _offset)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.page_views_bronze_mv {on_cluster}
TO {db}.page_views_bronze
AS SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    toUUID(e.event_id) AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    toUUID(e.session_id) AS session_id,
    fromUnixTimestamp64Milli(e.event_at, 'UTC') AS event_at,
    toDate(e.local_date) AS local_date,
    e.origin AS origin,
    e.is_bot AS is_bot,
    e.payload AS payload,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'accepted' AND e.event_type = 'page_view';

CREATE TABLE IF NOT EXISTS {db}.click_events_bronze {on_cluster}
(
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _offset Int64 CODEC(Delta, ZSTD(1)),
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id UUID CODEC(ZSTD(1)),
    event_type LowCardinality(String),
    name LowCardinality(String),
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    session_id UUID CODEC(ZSTD(1)),
    event_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String),
    is_bot UInt8,
    payload String CODEC(ZSTD(3)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site_id, received_at, _partition, _offset)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.click_events_bronze_mv {on_cluster}
TO {db}.click_events_bronze
AS SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    toUUID(e.event_id) AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    toUUID(e.session_id) AS session_id,
    fromUnixTimestamp64Milli(e.event_at, 'UTC') AS event_at,
    toDate(e.local_date) AS local_date,
    e.origin AS origin,
    e.is_bot AS is_bot,
    e.payload AS payload,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'accepted' AND e.event_type = 'click';

CREATE TABLE IF NOT EXISTS {db}.interactions_bronze {on_cluster}
(
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _offset Int64 CODEC(Delta, ZSTD(1)),
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id UUID CODEC(ZSTD(1)),
    event_type LowCardinality(String),
    name LowCardinality(String),
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    session_id UUID CODEC(ZSTD(1)),
    event_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String),
    is_bot UInt8,
    payload String CODEC(ZSTD(3)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site_id, received_at, _partition, _offset)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.interactions_bronze_mv {on_cluster}
TO {db}.interactions_bronze
AS SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    toUUID(e.event_id) AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    toUUID(e.session_id) AS session_id,
    fromUnixTimestamp64Milli(e.event_at, 'UTC') AS event_at,
    toDate(e.local_date) AS local_date,
    e.origin AS origin,
    e.is_bot AS is_bot,
    e.payload AS payload,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'accepted' AND e.event_type IN ('scroll', 'form_submit', 'video_play', 'custom_event');

-- Ids stand here as text, as far as they could be read: a rejected event may have none.
CREATE TABLE IF NOT EXISTS {db}.rejected_events_bronze {on_cluster}
(
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _offset Int64 CODEC(Delta, ZSTD(1)),
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    reason LowCardinality(String),
    field LowCardinality(String),
    step LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    event_type LowCardinality(String),
    name LowCardinality(String),
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(3)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, _partition, _offset)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.rejected_events_bronze_mv {on_cluster}
TO {db}.rejected_events_bronze
AS SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._offset AS _offset,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    fromUnixTimestamp64Milli(e.received_at, 'UTC') AS received_at,
    e.reason AS reason,
    e.field AS field,
    e.step AS step,
    e.detail AS detail,
    e.event_id AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.payload AS payload,
    now() AS inserted_at
FROM {db}.events_in AS e
WHERE e.outcome = 'rejected';

-- Every statement about a session: +1 states it, -1 takes the same back, 0 only names its heir.
CREATE TABLE IF NOT EXISTS {db}.user_sessions_bronze {on_cluster}
(
    _epoch UInt32 CODEC(T64, ZSTD(1)),
    _partition Int32 CODEC(T64, ZSTD(1)),
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID CODEC(ZSTD(1)),
    sign Int8,
    version UInt32 CODEC(T64, ZSTD(1)),
    session_id UUID CODEC(ZSTD(1)),
    site_id LowCardinality(String),
    visitor_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    merged_into String CODEC(ZSTD(1)),
    started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ms Int64 CODEC(T64, ZSTD(1)),
    local_date Date CODEC(Delta, ZSTD(1)),
    events UInt32 CODEC(T64, ZSTD(1)),
    page_views UInt32 CODEC(T64, ZSTD(1)),
    interactions UInt32 CODEC(T64, ZSTD(1)),
    conversions UInt32 CODEC(T64, ZSTD(1)),
    revenue Decimal(18, 4) CODEC(ZSTD(1)),
    engaged_ms Int64 CODEC(T64, ZSTD(1)),
    is_bounce UInt8,
    is_bot UInt8,
    bot_reasons UInt32 CODEC(T64, ZSTD(1)),
    entry_host LowCardinality(String),
    entry_path String CODEC(ZSTD(1)),
    exit_path String CODEC(ZSTD(1)),
    referrer_host LowCardinality(String),
    channel LowCardinality(String),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    term LowCardinality(String),
    content LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    device_class LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    language LowCardinality(String),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
PARTITION BY toYYYYMM(local_date)
ORDER BY (site_id, local_date, session_id, version, sign)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.user_sessions_bronze_mv {on_cluster}
TO {db}.user_sessions_bronze
AS SELECT
    s._epoch AS _epoch,
    s._partition AS _partition,
    s._batch_start AS _batch_start,
    s._batch_end AS _batch_end,
    toUUID(s._batch_id) AS _batch_id,
    s.sign AS sign,
    s.version AS version,
    toUUID(s.session_id) AS session_id,
    s.site_id AS site_id,
    s.visitor_id AS visitor_id,
    s.user_id AS user_id,
    s.merged_into AS merged_into,
    fromUnixTimestamp64Milli(s.started_at, 'UTC') AS started_at,
    fromUnixTimestamp64Milli(s.ended_at, 'UTC') AS ended_at,
    s.duration_ms AS duration_ms,
    toDate(s.local_date) AS local_date,
    s.events AS events,
    s.page_views AS page_views,
    s.interactions AS interactions,
    s.conversions AS conversions,
    s.revenue AS revenue,
    s.engaged_ms AS engaged_ms,
    s.is_bounce AS is_bounce,
    s.is_bot AS is_bot,
    s.bot_reasons AS bot_reasons,
    s.entry_host AS entry_host,
    s.entry_path AS entry_path,
    s.exit_path AS exit_path,
    s.referrer_host AS referrer_host,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.term AS term,
    s.content AS content,
    s.country AS country,
    s.region AS region,
    s.city AS city,
    s.device_class AS device_class,
    s.browser AS browser,
    s.os AS os,
    s.language AS language,
    now() AS inserted_at
FROM {db}.sessions_in AS s;

-- What became of each block: received = accepted + rejected + duplicates. A replay is cut along these ranges.
-- Almost always one row for a block; readers sum or group, an insert cut in two would give two.
CREATE TABLE IF NOT EXISTS {db}.block_ledger {on_cluster}
(
    _epoch UInt32,
    _partition Int32,
    _batch_start Int64 CODEC(Delta, ZSTD(1)),
    _batch_end Int64 CODEC(Delta, ZSTD(1)),
    _batch_id UUID,
    received UInt64 CODEC(T64, ZSTD(1)),
    accepted UInt64 CODEC(T64, ZSTD(1)),
    rejected UInt64 CODEC(T64, ZSTD(1)),
    duplicates UInt64 CODEC(T64, ZSTD(1)),
    min_received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    max_received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    inserted_at DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {repl}MergeTree
ORDER BY (_epoch, _partition, _batch_end, _batch_start)
TTL inserted_at + INTERVAL 90 DAY
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.block_ledger_mv {on_cluster}
TO {db}.block_ledger
AS SELECT
    e._epoch AS _epoch,
    e._partition AS _partition,
    e._batch_start AS _batch_start,
    e._batch_end AS _batch_end,
    toUUID(e._batch_id) AS _batch_id,
    count() AS received,
    countIf(e.outcome = 'accepted') AS accepted,
    countIf(e.outcome = 'rejected') AS rejected,
    countIf(e.outcome = 'duplicate') AS duplicates,
    fromUnixTimestamp64Milli(min(e.received_at), 'UTC') AS min_received_at,
    fromUnixTimestamp64Milli(max(e.received_at), 'UTC') AS max_received_at,
    now() AS inserted_at
FROM {db}.events_in AS e
GROUP BY e._epoch, e._partition, e._batch_start, e._batch_end, e._batch_id;
