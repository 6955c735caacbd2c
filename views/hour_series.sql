-- One row for each hour of a site's clock that has events, in [since_at, until_at); `at` is its beginning in UTC.
-- From quarters of an hour: where the clock is half an hour off UTC, no hour of UTC is an hour of the site.
CREATE OR REPLACE VIEW {db}.hour_series {on_cluster} AS
SELECT
    formatDateTime(bucket - INTERVAL toMinute(bucket, {zone:String}) MINUTE, '%Y-%m-%dT%H:%i:00Z', 'UTC') AS at,
    uniqCombined64Merge(14)(e.visitors) AS visitors,
    sumIf(e.events, e.event_type = 'page_view') AS page_views,
    sum(e.events) AS events
FROM {db}.events_per_quarter_hour AS e
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')}
    AND has({bots:Array(UInt8)}, is_bot)
GROUP BY at
ORDER BY at;
