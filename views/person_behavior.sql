-- The events of a person: those that carry one of the person's user ids (`users`, from person_users), and those without
-- a user id of visitors who were the person at that time (`visitors` and their `spans`, from person_visitors).
CREATE OR REPLACE VIEW {db}.person_behavior {on_cluster} AS
SELECT
    e.event_id AS event_id,
    e.event_type AS event_type,
    e.name AS name,
    e.visitor_id AS visitor_id,
    e.user_id AS user_id,
    e.session_id AS session_id,
    e.event_at AS event_at,
    e.path AS path,
    e.title AS title,
    e.is_conversion AS is_conversion,
    e.revenue AS revenue,
    e.engaged_ms AS engaged_ms
FROM {db}.user_behavior_silver AS e
WHERE e.site_id = {site:String}
    AND e.local_date >= {since:Date} AND e.local_date < {until:Date}
    AND has({bots:Array(UInt8)}, e.is_bot)
    AND (
        e.user_id IN ({users:Array(String)})
        OR (
            e.user_id = ''
            AND e.visitor_id IN ({visitors:Array(String)})
            AND arrayExists(
                span -> toUnixTimestamp64Milli(e.event_at) >= span.1 AND toUnixTimestamp64Milli(e.event_at) < span.2,
                {spans:Array(Array(Tuple(Int64, Int64)))}[indexOf({visitors:Array(String)}, e.visitor_id)]
            )
        )
    );
