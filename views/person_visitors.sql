-- The visitor ids of a person, of whom `users` are the user ids (person_users), and in which spans of time, from and to
-- before, in ms since 1970, what a visitor does without a user id is the person's: from an event with one of these user
-- ids until one with another. What comes before the first is the first user's. Of the events of one visitor and user
-- within an hour the first and the last are looked at. A visitor who was never identified is a person of its own.
CREATE OR REPLACE VIEW {db}.person_visitors {on_cluster} AS
SELECT
    visitor_id,
    arrayMap(
        n -> (
            if(n = 1, toInt64('-9223372036854775808'), points[n].1),
            if(n = length(points), toInt64('9223372036854775807'), points[n + 1].1)
        ),
        arrayFilter(n -> has({users:Array(String)}, points[n].2), arrayEnumerate(points))
    ) AS spans
FROM (
    SELECT visitor_id, arraySort(groupUniqArrayArray([(since_ms, user_id), (until_ms, user_id)])) AS points
    FROM (
        SELECT
            visitor_id,
            user_id,
            toUnixTimestamp64Milli(min(first_at)) AS since_ms,
            toUnixTimestamp64Milli(max(last_at)) AS until_ms
        FROM {db}.visitor_aliases
        WHERE site_id = {site:String}
            AND visitor_id IN (
                SELECT visitor_id
                FROM {db}.visitor_aliases
                WHERE site_id = {site:String} AND user_id IN ({users:Array(String)})
            )
        GROUP BY visitor_id, user_id, bucket
    )
    GROUP BY visitor_id
)
UNION ALL
SELECT
    arrayJoin({users:Array(String)}) AS visitor_id,
    [(toInt64('-9223372036854775808'), toInt64('9223372036854775807'))] AS spans
WHERE visitor_id NOT IN (
    SELECT visitor_id FROM {db}.visitor_aliases WHERE site_id = {site:String} AND visitor_id IN ({users:Array(String)})
    UNION ALL
    SELECT user_id FROM {db}.visitor_aliases WHERE site_id = {site:String} AND user_id IN ({users:Array(String)})
    UNION ALL
    SELECT arrayJoin([previous_id, user_id])
    FROM {db}.user_aliases
    WHERE site_id = {site:String} AND (user_id IN ({users:Array(String)}) OR previous_id IN ({users:Array(String)}))
);
