-- How good the events were that a site sent: one row for each hour of its clock in which any were received, in
-- [since_at, until_at); `at` is its beginning in UTC. What could not be read names no site and is that of site ''.
-- Each measure is the share of received events that lack one kind of fault, 0 to 1, and 1 where nothing was received.
-- metric received: events that the worker got; received = accepted + rejected + duplicates.
-- metric validity: 1 - invalid / received; invalid: refused for what it says, by any reason but those of time.
-- metric timeliness: 1 - untimely / received; untimely: refused as late, too_old or in_future, or accepted more than
-- five minutes after it happened (history that is replayed is not).
-- metric uniqueness: 1 - duplicates / received; duplicates: of an event id that was accepted before.
-- metric completeness: 1 - incomplete / received; incomplete: accepted from a person's browser, but without language,
-- time zone, screen width or a browser that is known.
-- metric score: flawless / received; flawless: accepted, in time and complete, so that the score is at most the least
-- of the four measures.
CREATE OR REPLACE VIEW {db}.quality_series {on_cluster} AS
SELECT
    formatDateTime(toStartOfInterval(bucket, INTERVAL 1 HOUR, {zone:String}), '%Y-%m-%dT%H:%i:00Z', 'UTC') AS at,
    sum(q.received) AS received,
    sum(q.accepted) AS accepted,
    sum(q.rejected) AS rejected,
    sum(q.duplicates) AS duplicates,
    sum(q.invalid) AS invalid,
    sum(q.untimely) AS untimely,
    sum(q.incomplete) AS incomplete,
    sum(q.flawless) AS flawless
FROM {db}.data_quality AS q
WHERE site_id = {site:String}
    AND bucket >= {since_at:DateTime('UTC')} AND bucket < {until_at:DateTime('UTC')}
GROUP BY at
ORDER BY at;
