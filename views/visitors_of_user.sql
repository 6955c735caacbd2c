-- The visitor ids that are taken for one user's: those that sent an event under the user id. Who erases or exports a
-- person asks here and nowhere else.
CREATE OR REPLACE VIEW {db}.visitors_of_user {on_cluster} AS
SELECT DISTINCT visitor_id
FROM (
    SELECT e.visitor_id AS visitor_id
    FROM {db}.user_behavior_silver AS e
    WHERE e.site_id = {site:String} AND e.user_id = {user:String}
    UNION ALL
    SELECT s.visitor_id AS visitor_id
    FROM {db}.sessions_silver AS s
    WHERE s.site_id = {site:String} AND s.user_id = {user:String}
)
ORDER BY visitor_id;
