-- Which of some events were accepted: by site, visitor and event id, on days of the site's calendar.
CREATE OR REPLACE VIEW {db}.accepted_events {on_cluster} AS
SELECT DISTINCT site_id, visitor_id, toString(event_id) AS event
FROM {db}.user_behavior_silver
WHERE site_id IN {sites:Array(String)}
    AND local_date >= {since:Date} AND local_date < {until:Date}
    AND visitor_id IN {visitors:Array(String)}
    AND event_id IN {events:Array(UUID)};
