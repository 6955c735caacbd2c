-- One page of a site over a period. Quantiles are those of quantilesTiming: 0.5, 0.75, 0.9, 0.95, 0.99.
-- metric visitors: distinct visitors with a page view of it, estimated (uniqCombined64(12), about 1.2 %).
-- metric engaged_ms: engaged time that its $page_leave events report. metric scroll_depth: mean depth at leave, %.
CREATE OR REPLACE VIEW {db}.page_metrics {on_cluster} AS
SELECT
    sum(rows) AS events,
    sum(page_views) AS page_views,
    uniqCombined64Merge(12)(visitors) AS visitors,
    sum(leaves) AS leaves,
    sum(engaged_ms) AS engaged_ms,
    sum(scroll_depth) AS scroll_depth,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(ttfb_ms) AS ttfb_ms,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(fcp_ms) AS fcp_ms,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(lcp_ms) AS lcp_ms,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(inp_ms) AS inp_ms,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(load_ms) AS load_ms,
    quantilesTimingMerge(0.5, 0.75, 0.9, 0.95, 0.99)(cls_10000) AS cls_10000
FROM {db}.page_performance_metrics
WHERE site_id = {site:String} AND path = {path:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot);
