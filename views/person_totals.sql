-- What a person has done, by user id or visitor id.
CREATE OR REPLACE VIEW {db}.person_totals {on_cluster} AS
SELECT
    count() AS events,
    countIf(event_type = 'page_view') AS page_views,
    sum(is_conversion) AS conversions,
    sum(revenue) AS revenue,
    sum(engaged_ms) AS engaged_ms,
    uniqExact(visitor_id) AS visitors,
    min(event_at) AS first_seen_at,
    max(event_at) AS last_seen_at
FROM {db}.user_behavior_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND (visitor_id = {person:String} OR user_id = {person:String});
