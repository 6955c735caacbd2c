-- How many visitors got how far in an ordered funnel within the window of their first step.
-- Step n is a page (regular expression pages[n], on page views) or an event (names[n]): the other is empty.
-- An event takes one step, whatever it matches. Funnels have at most 20 steps.
-- metric time to convert: from the first step to the last of a visitor's first conversion, the median over those who
-- converted; among a visitor's first 10,000 events that are steps.
-- at: ms << 21 | arrival within the ms << 5 | 31 - step. So times differ by event, events of one ms come in the
-- order they were sent, and of the steps that one event matches the later ones come first: it cannot follow itself.
CREATE OR REPLACE VIEW {db}.funnel_levels {on_cluster} AS
SELECT
    level,
    count() AS visitors,
    quantileExactInclusiveOrNullIf(0.5)(took_ms, took_ms >= 0) AS median_ms
FROM (
    SELECT
        level,
        -- Slot n: when the chain began that has come to step n, latest first. Last slot: how long the first one took.
        arrayFold(
            (slots, at) -> arrayMap(
                (slot, n) -> multiIf(
                    n = 31 - bitAnd(at, 31) AND n = 1,
                    toInt64(bitShiftRight(at, 21)),
                    n = 31 - bitAnd(at, 31) AND n <= length({pages:Array(String)}) AND slots[n - 1] >= 0
                        AND toInt64(bitShiftRight(at, 21)) - slots[n - 1] <= {window_ms:Int64},
                    slots[n - 1],
                    n > length({pages:Array(String)}) AND slot < 0 AND 31 - bitAnd(at, 31) = n - 1 AND slots[n - 2] >= 0
                        AND toInt64(bitShiftRight(at, 21)) - slots[n - 2] <= {window_ms:Int64},
                    toInt64(bitShiftRight(at, 21)) - slots[n - 2],
                    slot
                ),
                slots,
                arrayEnumerate(slots)
            ),
            if(level = length({pages:Array(String)}), times, []),
            arrayMap(n -> toInt64(-1), range(length({pages:Array(String)}) + 1))
        )[-1] AS took_ms
    FROM (
        SELECT
            visitor_id,
            windowFunnel({window:UInt64})(
                at,
                step = 1, step = 2, step = 3, step = 4, step = 5, step = 6, step = 7, step = 8, step = 9, step = 10,
                step = 11, step = 12, step = 13, step = 14, step = 15, step = 16, step = 17, step = 18, step = 19,
                step = 20
            ) AS level,
            groupArraySorted(10000)(at) AS times
        FROM (
            SELECT
                visitor_id,
                arrayJoin(arrayFilter(
                    (n, page, event) -> if(page != '', event_type = 'page_view' AND match(path, page), name = event),
                    arrayEnumerate({pages:Array(String)}),
                    {pages:Array(String)},
                    {names:Array(String)}
                )) AS step,
                bitShiftLeft(toUInt64(toUnixTimestamp64Milli(event_at)), 21)
                    + bitShiftLeft(toUInt64(bitAnd(_offset, 65535)), 5) + toUInt64(31 - step) AS at
            FROM {db}.user_behavior_silver
            WHERE site_id = {site:String}
                AND local_date >= {since:Date} AND local_date < {until:Date}
                AND has({bots:Array(UInt8)}, is_bot)
        )
        GROUP BY visitor_id
    )
)
WHERE level > 0
GROUP BY level
ORDER BY level;
