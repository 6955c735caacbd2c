-- What programs did on a site over a period of its own days, by what they are for and who they say they are.
-- metric events: accepted events with any bot reason of their own. A session that is only too fast for a person is a
-- bot's, too, but not its events. metric page_views: page views among them.
CREATE OR REPLACE VIEW {db}.bot_traffic {on_cluster} AS
SELECT
    if(b.bot_kind = '', 'other', b.bot_kind) AS kind,
    b.bot_name AS name,
    sum(b.events) AS events,
    sum(b.page_views) AS page_views
FROM {db}.bot_traffic_daily AS b
WHERE site_id = {site:String}
    AND local_date >= {since:Date} AND local_date < {until:Date}
GROUP BY kind, name
ORDER BY events DESC, kind, name;
