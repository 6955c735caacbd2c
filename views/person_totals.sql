-- What a person has done.
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
FROM {db}.person_behavior(
    site = {site:String},
    since = {since:Date},
    until = {until:Date},
    bots = {bots:Array(UInt8)},
    users = {users:Array(String)},
    visitors = {visitors:Array(String)},
    spans = {spans:Array(Array(Tuple(Int64, Int64)))}
);
