-- One site over a period of its own days: sums of its events, without the sketches of site_totals.
CREATE OR REPLACE VIEW {db}.event_totals {on_cluster} AS
SELECT
    sum(page_views) AS page_views,
    sum(events) AS events,
    sum(conversions) AS conversions,
    sum(revenue) AS revenue
FROM {db}.daily_user_metrics
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot);
