-- The visitor ids that are taken for one person's, of whom `users` are the user ids (person_users): those that sent an
-- event under one of them. Who erases or exports a person asks here and nowhere else.
CREATE OR REPLACE VIEW {db}.visitors_of_user {on_cluster} AS
SELECT DISTINCT visitor_id
FROM (
    SELECT a.visitor_id AS visitor_id
    FROM {db}.visitor_aliases AS a
    WHERE a.site_id = {site:String} AND a.user_id IN ({users:Array(String)})
    UNION ALL
    SELECT e.visitor_id AS visitor_id
    FROM {db}.user_behavior_silver AS e
    WHERE e.site_id = {site:String} AND e.user_id IN ({users:Array(String)})
    UNION ALL
    SELECT s.visitor_id AS visitor_id
    FROM {db}.sessions_silver AS s
    WHERE s.site_id = {site:String} AND s.user_id IN ({users:Array(String)})
)
ORDER BY visitor_id;
