"""Cohorts -> who came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from views.cohorts.calendar import Intervals, since
from views.cohorts.model import By, CohortGroup, CohortRow, Measure, Retention, RetentionAsked
from views.cohorts.occurrences import Occurrences, dimension, over
from views.figures import ratio
from views.params import FIRST_DAY, Scope
from views.reading import Reader, about

#: Of a key of the sums: cohort * _CELL + offset. Beyond the number of intervals that there can be.
_CELL = 1024
#: Intervals that are bits of one number.
_WORD = 64
#: Of a number that tells an interval and a time: the time's bits, from two days before 1970 on, in ms.
_TIME_BITS = 43
_TIME = (1 << _TIME_BITS) - 1
_MARGIN_MS = 2 * 86_400_000


async def retention(reader: Reader, scope: Scope, asked: RetentionAsked, *, cap_ms: int) -> Retention:
    """The grid. What a session does counts on the day on which it began; first: of all that is stored."""
    intervals = Intervals.of(scope.period, asked.interval)
    whole = intervals.whole(scope)
    rows = await over(
        reader,
        since(whole, FIRST_DAY),
        lambda stored: _statement(asked, stored, intervals),
        cap_ms=cap_ms,
        by=asked.by,
    )
    everybody = next((row for row in rows if row["is_total"]), _NOBODY)
    parts = [row for row in rows if not row["is_total"]]
    counted = [_Counted(row, asked, intervals) for row in (everybody, *parts)]
    groups = [one.group(row["dim"]) for one, row in zip(counted[1:], parts, strict=True)]
    if asked.dimension is not None and (others := counted[0].less(counted[1:])).size:
        groups.append(others.group(None))
    return Retention(
        **about(whole, layer="silver"),
        interval=asked.interval,
        measure=asked.measure,
        total=counted[0].group(None),
        cohorts=counted[0].cohorts(),
        groups=groups,
    )


class _Counted:
    """Visitors by cohort, and by cohort and interval, of one group."""

    def __init__(self, row: dict[str, Any], asked: RetentionAsked, intervals: Intervals) -> None:
        self._intervals, self._asked = intervals, asked
        self._sizes = Counter(dict(zip(*row["sizes"], strict=True)))
        self._cells: Counter[tuple[int, int]] = Counter()
        for key, count in zip(*row[asked.measure.value], strict=True):
            cohort, offset = divmod(key, _CELL)
            # Rolling: who was there last in the n-th interval was there in it or later for each up to n.
            reached = range(offset + 1) if asked.measure is Measure.ROLLING else (offset,)
            for each in reached:
                self._cells[cohort, each] += count

    @property
    def size(self) -> int:
        return self._sizes.total()

    def less(self, others: Sequence[_Counted]) -> _Counted:
        """What remains without others."""
        empty = _Counted(_NOBODY, self._asked, self._intervals)
        empty._sizes = Counter(self._sizes)
        empty._cells = Counter(self._cells)
        for other in others:
            empty._sizes.subtract(other._sizes)
            empty._cells.subtract(other._cells)
        return empty

    def cohorts(self) -> list[CohortRow]:
        found = []
        for cohort, at in enumerate(self._intervals.names):
            size = self._sizes[cohort]
            offsets = range(min(self._intervals.count - cohort, self._asked.intervals + 1))
            returned = [self._cells[cohort, offset] for offset in offsets]
            shares = [ratio(count, size) for count in returned]
            found.append(CohortRow(at=at, size=size, returned=returned, shares=shares))
        return found

    def group(self, value: str | None) -> CohortGroup:
        count = self._intervals.count
        offsets = range(min(count, self._asked.intervals + 1))
        eligible = [sum(self._sizes[cohort] for cohort in range(count - offset)) for offset in offsets]
        returned = [
            sum(self._cells[cohort, offset] for cohort in range(count - offset)) for offset in offsets
        ]
        return CohortGroup(
            value=value,
            size=self.size,
            eligible=eligible,
            returned=returned,
            shares=[ratio(part, whole) for part, whole in zip(returned, eligible, strict=True)],
        )


_NOBODY: dict[str, Any] = {"sizes": ([], []), "exact": ([], []), "rolling": ([], [])}


def _statement(asked: RetentionAsked, stored: Occurrences, intervals: Intervals) -> str:
    """SQL: cohort sizes, and visitors by cohort and interval, in all and by value of the dimension."""
    dim = dimension(asked.dimension) if asked.dimension is not None else "''"
    # Sessions of a visitor follow one another, those of a person may not.
    is_simple = asked.comes_back == asked.start and asked.by is By.VISITOR
    cohorts = (_repeating if is_simple else _returning)(asked, stored, intervals, dim)
    key = f"toUInt32(cohort * {_CELL})"
    sums = (
        "toUInt64(sum(actors)) AS size, sumMap([toUInt32(cohort)], [actors]) AS sizes, "
        f"sumMap(arrayMap(n -> toUInt32({key} + n), offsets), arrayMap(n -> actors, offsets)) AS exact, "
        f"sumMap(if(empty(offsets), [], [toUInt32({key} + arrayMax(offsets))]), "
        "if(empty(offsets), [], [actors])) AS rolling"
    )
    if asked.dimension is None:
        return f"SELECT 1 AS is_total, {sums} FROM ({cohorts})"  # noqa: S608
    return (
        f"SELECT dim, grouping(dim) AS is_total, {sums} FROM ({cohorts}) "  # noqa: S608
        "GROUP BY GROUPING SETS ((dim), ()) ORDER BY is_total DESC, size DESC, dim "
        f"LIMIT {stored.places.put(asked.limit + 1, 'UInt32')}"
    )


def _repeating(asked: RetentionAsked, stored: Occurrences, intervals: Intervals, dim: str) -> str:
    """SQL: how many ``actors`` of a ``cohort`` were back after the same ``offsets``, by ``dim``.

    Of who is back with what they began with: the intervals tell everything, as bits.
    """
    first = stored.places.put(intervals.first, "Int32")
    words = -(-intervals.count // _WORD)
    bit = f"bitShiftLeft(toUInt64(1), bitAnd(n, {_WORD - 1}))"
    bits = ", ".join(
        f"groupBitOr(if(n >= 0 AND intDiv(n, {_WORD}) = {word}, {bit}, 0)) AS word_{word}"
        for word in range(words)
    )
    value = "argMin(dim, (at, session_id))" if asked.dimension is not None else "''"
    by_actor = (
        f"SELECT {bits}, {value} AS dim FROM ("  # noqa: S608
        f"SELECT *, {asked.interval.sql} - {first} AS n FROM ({stored.sessions_of(asked.start, dim=dim)})) "
        "GROUP BY actor HAVING min(n) >= 0"
    )
    named = ", ".join(f"word_{word}" for word in range(words))
    seen = ", ".join(
        f"arrayMap(bit -> toUInt32(bit + {word * _WORD}), bitPositionsToArray(word_{word}))"
        for word in range(words)
    )
    return (
        f"SELECT dim, count() AS actors, arrayConcat({seen}) AS seen, seen[1] AS cohort, "  # noqa: S608
        f"arrayMap(n -> toUInt32(n - cohort), seen) AS offsets FROM ({by_actor}) GROUP BY dim, {named}"
    )


def _returning(asked: RetentionAsked, stored: Occurrences, intervals: Intervals, dim: str) -> str:
    """SQL: the same by actor, of who may be back with something else."""
    if asked.comes_back == asked.start:
        both = f"SELECT *, 1 AS is_one, 1 AS is_other FROM ({stored.of(asked.start, dim=dim)})"  # noqa: S608
    else:
        # Whoever is there until after the first is there after it, though the session began before.
        both = stored.either(asked.start, asked.comes_back, dim=dim)
    # The interval and the time in one number: the least is the first, and tells the cohort.
    moment = f"bitOr(bitShiftLeft(toUInt64({asked.interval.sql}), {_TIME_BITS}), toUInt64(at + {_MARGIN_MS}))"
    rows = f"SELECT *, {moment} AS moment FROM ({both})"  # noqa: S608
    first = stored.places.put(intervals.first, "Int32")
    value = "argMinIf(dim, (moment, session_id), is_one)" if asked.dimension is not None else "''"
    # Nothing before the first counts as coming back: a person's sessions need not follow one another.
    return (
        f"SELECT minIf(moment, is_one) AS begun, bitShiftRight(begun, {_TIME_BITS}) AS n, "  # noqa: S608
        f"toInt32(n) - {first} AS cohort, {value} AS dim, toUInt64(1) AS actors, "
        f"arrayFilter(one -> bitShiftRight(one, {_TIME_BITS}) >= n "
        f"AND bitAnd(one, {_TIME}) >= bitAnd(begun, {_TIME}), groupArrayIf(moment, is_other)) AS back, "
        f"arrayDistinct(arrayMap(one -> toUInt32(bitShiftRight(one, {_TIME_BITS}) - n), back)) AS offsets "
        f"FROM ({rows}) GROUP BY actor HAVING max(is_one) AND cohort >= 0"
    )
