-- Sessions that entered or left a site by a page.
-- metric entries: sessions whose first page view is of it. metric exits: whose last page view is.
-- metric bounces: entries that bounced.
CREATE OR REPLACE VIEW {db}.page_sessions {on_cluster} AS
SELECT
    sumIf(sign, entry_path = {path:String} AND page_views > 0) AS entries,
    sumIf(sign, exit_path = {path:String} AND page_views > 0) AS exits,
    sumIf(sign, entry_path = {path:String} AND is_bounce) AS bounces
FROM {db}.sessions_silver
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND has({bots:Array(UInt8)}, is_bot)
    AND (entry_path = {path:String} OR exit_path = {path:String});
