-- Sessions that entered or left a site by a page.
-- metric entries: sessions whose first page view is of it. metric exits: whose last page view is.
-- metric bounces: entries that bounced.
CREATE OR REPLACE VIEW {db}.page_sessions {on_cluster} AS
SELECT sum(entries) AS entries, sum(exits) AS exits, sum(bounces) AS bounces
FROM {db}.page_sessions_daily
WHERE site_id = {site:String} AND path = {path:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot);
