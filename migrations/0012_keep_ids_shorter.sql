-- Who is whom is kept no longer than the rows that say so: two years as those, or the days of the site (site_retention).
-- `inserted_at` is when the last of them was written; aliases of before count from this migration on.
-- TRICKY: the column, then the query that fills it, then the rows of before, waited for; only then may rows go by it.

ALTER TABLE {db}.visitor_aliases {on_cluster}
ADD COLUMN IF NOT EXISTS inserted_at SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1));

CREATE OR REPLACE MATERIALIZED VIEW {db}.visitor_aliases_mv {on_cluster}
TO {db}.visitor_aliases
AS SELECT
    e.site_id AS site_id,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    toStartOfHour(e.event_at) AS bucket,
    count() AS rows,
    min(e.event_at) AS first_at,
    max(e.event_at) AS last_at,
    max(e.inserted_at) AS inserted_at
FROM {db}.user_behavior_silver AS e
WHERE e.user_id != ''
GROUP BY e.site_id, e.visitor_id, e.user_id, bucket;

ALTER TABLE {db}.visitor_aliases {on_cluster} UPDATE inserted_at = now('UTC') WHERE inserted_at = 0
SETTINGS mutations_sync = 2, mutations_execute_nondeterministic_on_initiator = 1;

ALTER TABLE {db}.visitor_aliases {on_cluster} MODIFY TTL inserted_at + INTERVAL 2 YEAR;

ALTER TABLE {db}.user_aliases {on_cluster}
ADD COLUMN IF NOT EXISTS inserted_at SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1));

CREATE OR REPLACE MATERIALIZED VIEW {db}.user_aliases_mv {on_cluster}
TO {db}.user_aliases
AS SELECT
    e.site_id AS site_id,
    JSONExtractString(e.properties, 'previous_id') AS previous_id,
    e.user_id AS user_id,
    e.local_date AS local_date,
    count() AS rows,
    min(e.event_at) AS first_at,
    max(e.event_at) AS last_at,
    max(e.inserted_at) AS inserted_at
FROM {db}.user_behavior_silver AS e
WHERE e.name = '$alias'
GROUP BY e.site_id, previous_id, e.user_id, e.local_date;

ALTER TABLE {db}.user_aliases {on_cluster} UPDATE inserted_at = now('UTC') WHERE inserted_at = 0
SETTINGS mutations_sync = 2, mutations_execute_nondeterministic_on_initiator = 1;

ALTER TABLE {db}.user_aliases {on_cluster} MODIFY TTL inserted_at + INTERVAL 2 YEAR;

-- Erasing people is a deletion of rows by their ids, and the engine notes what it deleted by: no longer than it must.
ALTER TABLE {db}.page_views_bronze {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.click_events_bronze {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.interactions_bronze {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.rejected_events_bronze {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.user_sessions_bronze {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.page_views_silver {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.user_behavior_silver {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.sessions_silver {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.session_merges {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.visitor_aliases {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
ALTER TABLE {db}.user_aliases {on_cluster} MODIFY SETTING finished_mutations_to_keep = 1;
