-- One site over a period of its own days: what event rows count.
-- metric visitors: distinct visitor ids with at least one event, estimated (uniqCombined64(16): exact up to about 2,000, then within 0.4 %).
-- metric page_views: page_view events. metric events: events of every type. metric conversions: events that the
-- site counts as conversions. metric revenue: sum of the revenue of $purchase events.
CREATE OR REPLACE VIEW {db}.site_totals {on_cluster} AS
SELECT
    uniqCombined64Merge(16)(visitors) AS visitors,
    uniqCombined64Merge(16)(users) AS users,
    sum(page_views) AS page_views,
    sum(events) AS events,
    sum(conversions) AS conversions,
    sum(revenue) AS revenue
FROM {db}.daily_user_metrics
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot);
