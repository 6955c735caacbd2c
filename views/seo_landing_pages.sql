-- The pages by which people from organic search entered a site in a period, beside the period before it.
-- before: the first day of the period before. A session counts where it began.
-- metric sessions: sessions of the channel Organic Search whose first page view is of the page. metric bounces,
-- converted_sessions, revenue: of these. metric sessions_before: the same from `before` on, up to the period.
CREATE OR REPLACE VIEW {db}.seo_landing_pages {on_cluster} AS
SELECT
    entry_path AS path,
    sumIf(sign, local_date >= {since:Date}) AS sessions,
    sumIf(sign * is_bounce, local_date >= {since:Date}) AS bounces,
    sumIf(sign * (conversions > 0), local_date >= {since:Date}) AS converted_sessions,
    toFloat64(sumIf(sign * s.revenue, local_date >= {since:Date})) AS revenue,
    sumIf(sign, local_date < {since:Date}) AS sessions_before
FROM {db}.sessions_silver AS s
WHERE site_id = {site:String}
    AND local_date >= {before:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND channel = 'Organic Search' AND page_views > 0
GROUP BY path
HAVING sessions > 0 OR sessions_before > 0;
