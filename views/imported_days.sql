-- Days of a site as another tool counted them, by a dimension; of imports that are whole, and where several have the
-- same day, of the latest. None of it is in any other view.
-- metric visitors: as the tool counted them; where its export is finer than the dimension (pages of a source,
-- versions of a browser), the sum of its rows, in which a visitor may stand twice.
CREATE OR REPLACE VIEW {db}.imported_days {on_cluster} AS
SELECT
    d.local_date AS local_date,
    d.value AS value,
    toString(d.import_id) AS import_id,
    d.visitors AS visitors,
    d.visits AS visits,
    d.page_views AS page_views,
    d.bounces AS bounces,
    d.visit_duration_s AS visit_duration_s,
    d.exits AS exits,
    d.events AS events
FROM {db}.imported_daily AS d FINAL
WHERE d.site_id = {site:String} AND d.dimension = {dimension:String}
    AND d.local_date >= {since:Date} AND d.local_date < {until:Date}
    AND (d.local_date, d.import_id) IN (
        SELECT l.local_date, argMax(l.import_id, (l.imported_at, l.import_id))
        FROM {db}.imported_daily AS l
        WHERE l.site_id = {site:String} AND l.dimension = {dimension:String}
            AND l.local_date >= {since:Date} AND l.local_date < {until:Date}
            AND l.import_id IN (SELECT i.import_id FROM {db}.imports AS i WHERE i.site_id = {site:String})
        GROUP BY l.local_date
    )
ORDER BY local_date, visitors DESC, value;
