-- The events of the sessions that began in a period, each with its session's attributes: for questions that are of
-- both. An event written under an id that a merge has ended belongs to the session it lives on in: merges are few and
-- looked up in constants. Sessions are told by 64 bits of their id, which is shorter to read and to join.
-- reach: the first day on which no event of these sessions can be, for a session may go on after the period.
CREATE OR REPLACE VIEW {db}.session_events {on_cluster} AS
SELECT
    s.session_id AS session_id,
    s.visitor_id AS visitor_id,
    s.visitor_hash AS visitor_hash,
    s.user_id AS user_id,
    s.started_at AS started_at,
    s.local_date AS local_date,
    s.duration_ms AS duration_ms,
    s.converted AS converted,
    s.is_bounce AS is_bounce,
    s.is_bot AS is_bot,
    s.entry_host AS entry_host,
    s.entry_path AS entry_path,
    s.exit_path AS exit_path,
    s.referrer_host AS referrer_host,
    s.channel AS channel,
    s.source AS source,
    s.medium AS medium,
    s.campaign AS campaign,
    s.term AS term,
    s.content AS content,
    s.country AS country,
    s.region AS region,
    s.city AS city,
    s.device_class AS device_class,
    s.browser AS browser,
    s.os AS os,
    s.language AS language,
    e.event_id AS event_id,
    e.event_at AS event_at,
    e.event_order AS event_order,
    e.event_type AS event_type,
    e.name AS name,
    e.host AS host,
    e.path AS path,
    e.path_hash AS path_hash,
    e.viewed_hash AS viewed_hash,
    e.title AS title,
    e.goal AS goal,
    e.currency AS currency,
    e.is_conversion AS is_conversion,
    e.revenue AS revenue,
    e.engaged_ms AS engaged_ms,
    e.scroll_depth AS scroll_depth,
    e.element AS element,
    e.properties AS properties,
    e._offset AS _offset
FROM (
    SELECT
        transform(
            b.session_hash,
            tupleElement((
                SELECT (groupArray(ended), groupArray(living))
                FROM (
                    SELECT cityHash64(session_id) AS ended, cityHash64(argMax(merged_into, version)) AS living
                    FROM {db}.session_merges
                    WHERE site_id = {site:String}
                    GROUP BY session_id
                )
            ) AS heirs, 1),
            heirs.2
        ) AS living_hash,
        b.*,
        b.event_order AS event_order,
        b.path_hash AS path_hash,
        b.viewed_hash AS viewed_hash
    FROM {db}.user_behavior_silver AS b
    WHERE b.site_id = {site:String} AND b.local_date >= {since:Date} AND b.local_date < {reach:Date}
) AS e
INNER JOIN (
    SELECT
        r.session_id AS session_id,
        r.session_hash AS session_hash,
        r.visitor_id AS visitor_id,
        r.visitor_hash AS visitor_hash,
        r.user_id AS user_id,
        r.started_at AS started_at,
        r.local_date AS local_date,
        r.duration_ms AS duration_ms,
        r.is_bounce AS is_bounce,
        r.is_bot AS is_bot,
        r.entry_host AS entry_host,
        r.entry_path AS entry_path,
        r.exit_path AS exit_path,
        r.referrer_host AS referrer_host,
        r.channel AS channel,
        r.source AS source,
        r.medium AS medium,
        r.campaign AS campaign,
        r.term AS term,
        r.content AS content,
        r.country AS country,
        r.region AS region,
        r.city AS city,
        r.device_class AS device_class,
        r.browser AS browser,
        r.os AS os,
        r.language AS language,
        r.conversions AS converted
    FROM {db}.sessions_silver AS r
    WHERE r.site_id = {site:String}
        AND r.local_date >= {since:Date} AND r.local_date < {until:Date}
        AND has({bots:Array(UInt8)}, r.is_bot)
        AND (
            (
                SELECT count()
                FROM {db}.sessions_silver
                WHERE site_id = {site:String}
                    AND local_date >= {since:Date} AND local_date < {until:Date}
                    AND sign < 0
            ) = 0
            OR (
                r.sign > 0
                AND (r.session_id, r.version) NOT IN (
                    SELECT session_id, version
                    FROM {db}.sessions_silver
                    WHERE site_id = {site:String}
                        AND local_date >= {since:Date} AND local_date < {until:Date}
                        AND sign < 0
                )
            )
        )
) AS s ON s.session_hash = e.living_hash;
