-- When the latest event of a period was written, in UTC; empty where there is none.
CREATE OR REPLACE VIEW {db}.freshness {on_cluster} AS
SELECT if(count() = 0, '', formatDateTime(max(last_inserted_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')) AS as_of
FROM {db}.events_per_hour
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')};
