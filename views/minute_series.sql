-- One row for each minute (UTC) in [since_at, until_at) that has events.
CREATE OR REPLACE VIEW {db}.minute_series {on_cluster} AS
SELECT
    formatDateTime(bucket, '%Y-%m-%dT%H:%i:00Z') AS at,
    uniqCombined64Merge(14)(e.visitors) AS visitors,
    sumIf(e.events, e.event_type = 'page_view') AS page_views,
    sum(e.events) AS events
FROM {db}.events_per_minute AS e
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY bucket
ORDER BY bucket;
