-- The user ids of a person, who is asked for by a user id or a visitor id: that id, and all that `$alias` events join to
-- it, through chains and cycles. A visitor id stands for the user that it was identified as last; one that never was
-- stands for itself, and so does an id that is not known. An id that is both is the user's.
-- metric is_current: no `$alias` event says that this id has become another. In a cycle none is current.
CREATE OR REPLACE VIEW {db}.person_users {on_cluster} AS
WITH RECURSIVE joined AS (
    SELECT [if(
        identified.is_user OR alias.is_user OR visitor.last_user = '',
        {person:String},
        visitor.last_user
    )] AS ids
    FROM (
        SELECT count() > 0 AS is_user
        FROM {db}.visitor_aliases
        WHERE site_id = {site:String} AND user_id = {person:String}
    ) AS identified
    CROSS JOIN (
        SELECT argMax(user_id, (last_at, user_id)) AS last_user
        FROM {db}.visitor_aliases
        WHERE site_id = {site:String} AND visitor_id = {person:String}
    ) AS visitor
    CROSS JOIN (
        SELECT count() > 0 AS is_user
        FROM {db}.user_aliases
        WHERE site_id = {site:String} AND (user_id = {person:String} OR previous_id = {person:String})
    ) AS alias
    UNION ALL
    -- Each round adds what the ids so far are joined to, until there is nothing to add.
    SELECT arraySort(groupUniqArrayArray(arrayConcat(j.ids, [a.user_id, a.previous_id]))) AS ids
    FROM joined AS j
    CROSS JOIN {db}.user_aliases AS a
    WHERE a.site_id = {site:String} AND (has(j.ids, a.user_id) OR has(j.ids, a.previous_id))
    GROUP BY j.ids
    HAVING length(ids) > length(j.ids)
)
SELECT
    user_id,
    user_id NOT IN (
        SELECT previous_id FROM {db}.user_aliases WHERE site_id = {site:String} AND previous_id != user_id
    ) AS is_current
FROM (SELECT arrayJoin(argMax(ids, length(ids))) AS user_id FROM joined)
ORDER BY is_current DESC, user_id;
