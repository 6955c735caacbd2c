-- What imported exports of Google's Search Console say of days within a period; each row as it was imported last.
-- metric export: which rows belong together: those of the same dimensions, and of the same days where the export has
-- no dates. Figures of different exports tell of the same clicks and are never summed.
CREATE OR REPLACE VIEW {db}.search_console_rows {on_cluster} AS
SELECT
    splitByChar(',', c.dimensions) AS by,
    if(has(by, 'date'), c.dimensions, concat(c.dimensions, ' ', toString(c.first_day), ' ', toString(c.last_day)))
        AS export,
    c.first_day AS first_day,
    c.last_day AS last_day,
    c.path AS path,
    c.search_query AS search_query,
    c.clicks AS clicks,
    c.impressions AS impressions,
    c.position AS position,
    c.imported_at AS imported_at
FROM {db}.search_console AS c FINAL
WHERE c.site_id = {site:String} AND c.first_day >= {since:Date} AND c.last_day < {until:Date};
