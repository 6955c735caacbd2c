-- The days of a site that have events of its history: replayed or imported, not sent by a browser or a server.
CREATE OR REPLACE VIEW {db}.replayed_days {on_cluster} AS
SELECT DISTINCT local_date
FROM {db}.user_behavior_silver
WHERE site_id = {site:String} AND origin = 'replay';
