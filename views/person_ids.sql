-- All user ids of a site that `$alias` events join, through chains and cycles, and the person that they are: the least
-- of them in order. A user id that is not here is a person by itself.
CREATE OR REPLACE VIEW {db}.person_ids {on_cluster} AS
WITH RECURSIVE labelled AS (
    SELECT
        arrayMap(id -> (id, id), groupUniqArrayArray([user_id, previous_id])) AS labels,
        1 AS is_changed,
        toUInt64(0) AS rounds
    FROM {db}.user_aliases
    WHERE site_id = {site:String}
    UNION ALL
    -- Each round every id takes the least label of those that it is joined to, until none changes.
    SELECT groupArray((id, label)) AS labels, max(label != own) AS is_changed, max(round) AS rounds
    FROM (
        SELECT
            e.id AS id,
            min(l.one.2) AS label,
            anyIf(l.one.2, e.other = e.id) AS own,
            max(l.rounds) + 1 AS round
        FROM (SELECT arrayJoin(labels) AS one, rounds FROM labelled WHERE is_changed) AS l
        INNER JOIN (
            SELECT DISTINCT
                arrayJoin([
                    (user_id, previous_id),
                    (previous_id, user_id),
                    (user_id, user_id),
                    (previous_id, previous_id)
                ]) AS pair,
                pair.1 AS id,
                pair.2 AS other
            FROM {db}.user_aliases
            WHERE site_id = {site:String}
        ) AS e ON e.other = l.one.1
        GROUP BY e.id
    )
    HAVING notEmpty(labels)
)
SELECT one.1 AS user_id, one.2 AS person
FROM (SELECT arrayJoin(argMax(labels, rounds)) AS one FROM labelled);
