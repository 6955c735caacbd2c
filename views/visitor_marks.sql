-- When the visitors of a site were which user, in order: what a visitor does without a user id is of the last mark
-- before it, or else of the first one after, as in person_visitors. A visitor who was never identified has no row.
CREATE OR REPLACE VIEW {db}.visitor_marks {on_cluster} AS
SELECT visitor_id, arraySort(groupUniqArrayArray([(since_ms, user_id), (until_ms, user_id)])) AS marks
FROM (
    SELECT
        visitor_id,
        user_id,
        toUnixTimestamp64Milli(min(first_at)) AS since_ms,
        toUnixTimestamp64Milli(max(last_at)) AS until_ms
    FROM {db}.visitor_aliases
    WHERE site_id = {site:String}
    GROUP BY visitor_id, user_id, bucket
)
GROUP BY visitor_id;
