-- The same as hour_series, where the clock is whole hours off UTC in all of the period: then an hour of UTC is one of
-- the site, and has a quarter of the sketches.
CREATE OR REPLACE VIEW {db}.full_hour_series {on_cluster} AS
SELECT
    formatDateTime(bucket, '%Y-%m-%dT%H:%i:00Z', 'UTC') AS at,
    uniqCombined64Merge(14)(e.visitors) AS visitors,
    sumIf(e.events, e.event_type = 'page_view') AS page_views,
    sum(e.events) AS events
FROM {db}.events_per_hour AS e
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY bucket
ORDER BY bucket;
