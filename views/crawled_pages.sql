-- What search engines and AI programs fetched of a site's pages over a period of its own days, by page and program;
-- most first.
-- metric fetches: page views by the program. metric not_found: those that were answered with 404 or 410, where events
-- say so in the property `status`.
CREATE OR REPLACE VIEW {db}.crawled_pages {on_cluster} AS
SELECT
    path,
    bot_kind AS kind,
    bot_name AS name,
    count() AS fetches,
    countIf(JSONExtractRaw(properties, 'status') IN ('404', '410', '"404"', '"410"')) AS not_found,
    formatDateTime(max(event_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS last_at
FROM {db}.page_views_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND bot_kind IN ('search_crawler', 'ai_crawler', 'ai_fetcher')
GROUP BY path, kind, name
ORDER BY fetches DESC, path, kind, name
LIMIT {limit:UInt32};
