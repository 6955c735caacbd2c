"""Walkers with their events in order -> the walk of each that came furthest, and there first. Pure SQL.

An event of a walker is one number, so that sorting is cheap: at in ms << 84 | arrival << 40 | steps as
bits << 20 | ended walks as bits. A step that was taken is at << 19 | place among the events << 5 | step: so
steps compare by time, and name their event. A walk is an array of those.

``walkers``: a relation with ``codes`` (the events), ``start``: the first that takes a first step, and
``goes_on``: whether a second step can be come to. Only who goes on is walked over the events.
"""

from __future__ import annotations

#: Where the parts of an event's number begin, and the bits of its steps, or of the walks that it ends.
TIME_AT, ARRIVAL_AT, STEPS_AT = 84, 40, 20
LOW = (1 << 20) - 1
#: Of an event's place among those of its walker.
PLACE_BITS = 14
_PLACE = (1 << PLACE_BITS) - 1
_NO_WALK = "CAST([], 'Array(Int64)')"

#: In any order. acc.1: per step, when it was taken last. Of the steps that an event is, it takes the one that
#: was taken longest ago, the earlier of two that never were.
_ANY_ORDER = """
arrayFold(
    (acc, x) -> (
        arrayMap(
            (last, n) -> if(
                n = arraySort(
                    m -> (if(x.4 = 0, acc.1[m], 0), m), arrayFilter(m -> bitTest(x.3, m - 1), {steps})
                )[1],
                x.2 + n, if(x.4 = 0, last, 0)
            ),
            acc.1, {steps}
        ) AS lasts,
        if(
            length(
                arrayFilter(last -> last != 0 AND bitShiftRight(last, 19) >= x.1 - {window}, lasts) AS alive
            ) > length(acc.2),
            arraySort(alive), acc.2
        )
    ),
    {events},
    (arrayMap(n -> toInt64(0), {steps}), {none})
).2
"""


def place_of(taken: str) -> str:
    """SQL: the place of a step's event."""
    return f"bitAnd(bitShiftRight({taken}, 5), {_PLACE})"


def time_of(code: str) -> str:
    """SQL: when an event was, in ms."""
    return f"toInt64(bitShiftRight({code}, {TIME_AT}))"


def code_of(*, at: str, arrival: str, steps: str, ended: str) -> str:
    """SQL: an event as one number, of two halves that are cheap to make."""
    cut, room = 64 - ARRIVAL_AT, TIME_AT - 64
    high = f"bitOr(bitShiftLeft(toUInt64({at}), {room}), bitShiftRight(toUInt64({arrival}), {cut}))"
    low = (
        f"bitOr(bitOr(bitShiftLeft(bitAnd(toUInt64({arrival}), {(1 << cut) - 1}), {ARRIVAL_AT}), "
        f"bitShiftLeft(toUInt64({steps}), {STEPS_AT})), toUInt64({ended}))"
    )
    return f"bitOr(bitShiftLeft(toUInt128({high}), 64), toUInt128({low}))"


def in_order(walkers: str, *, count: int, window: str, ends: str) -> str:
    """SQL: the walkers with ``walk``, one step after the other.

    ``ends``: SQL, whether an event ends the walk that has come to the step whose bit of ``ended`` is ``bit``.
    Step by step: at each event the walk that has come to the step and began latest, as its beginning in
    ms << 14 | the place of the event that took the step. 0: none; -1: it was ended.
    """
    columns = {
        "at": f"arrayMap(code -> {time_of('code')}, walked)",
        "steps": f"arrayMap(code -> toUInt32(bitAnd(bitShiftRight(code, {STEPS_AT}), {LOW})), walked)",
        "place": "arrayEnumerate(walked)",
    }
    if "ended" in ends:
        columns["ended"] = f"arrayMap(code -> toUInt32(bitAnd(code, {LOW})), walked)"
    made = ", ".join(f"{sql} AS each_{name}" for name, sql in columns.items())
    names, arrays = ", ".join(columns), ", ".join(f"each_{name}" for name in columns)
    rows = f"SELECT *, if(goes_on, codes, []) AS walked, {made} FROM ({walkers})"  # noqa: S608
    for step in range(1, count + 1):
        # Not `if` and AND: for a few numbers it costs more to leave them out than to make them.
        if step == 1:
            takes, walk, before = "bitTest(steps, 0)", f"(bitShiftLeft(at, {PLACE_BITS}) + place)", ""
        else:
            # The earliest beginning that is in time, at no place.
            earliest = f"bitShiftLeft(at - {window}, {PLACE_BITS})"
            takes = f"bitTest(steps, {step - 1}) * (before > 0) * (before >= {earliest})"
            walk = f"(before - bitAnd(before, {_PLACE}) + place)"
            before = f", arrayPopBack(arrayPushFront(come_{step - 1}, toInt64(0)))"
        led = f"{takes} * {walk}"
        if ends != "0":
            led += f" - (1 - {takes}) * ({ends.format(bit=step - 1)})"
        come = f"arrayMap(({names}{', before' if before else ''}) -> toInt64({led}), {arrays}{before})"
        rows = f"SELECT *, arrayFill(one -> one != 0, {come}) AS come_{step} FROM ({rows})"  # noqa: S608
    # Back from the first event that came furthest; of who does not go on, to where they start.
    for step in range(count, 0, -1):
        place = f"toInt64(arrayFirstIndex(one -> one > 0, come_{step}))"
        if step < count:
            place = f"if(at_{step + 1} > 0, bitAnd(come_{step}[at_{step + 1} - 1], {_PLACE}), {place})"
        if step == 1:
            place += " + (NOT goes_on) * indexOf(codes, start)"
        rows = f"SELECT *, {place} AS at_{step} FROM ({rows})"  # noqa: S608
    # TRICKY: an `if` would put off every level to where it is true, and make each anew wherever it is used.
    taken = [_taken(f"each_at[at_{step}]", f"at_{step}", step) for step in range(1, count + 1)]
    taken[0] += f" + (NOT goes_on) * bitShiftLeft({time_of('start')}, 19)"
    reached = " + ".join(f"(at_{step} > 0)" for step in range(1, count + 1))
    return f"SELECT *, arraySlice([{', '.join(taken)}], 1, {reached}) AS walk FROM ({rows})"  # noqa: S608


def in_any_order(walkers: str, *, count: int, window: str) -> str:
    """SQL: the walkers with ``walk``, whichever step came first."""
    events = (
        f"arrayMap((code, place) -> ({time_of('code')} AS at, "
        f"bitShiftLeft(at, 19) + bitShiftLeft(toInt64(place), 5), "
        f"toUInt32(bitAnd(bitShiftRight(code, {STEPS_AT}), {LOW})), toUInt32(bitAnd(code, {LOW}))), "
        "walked, arrayEnumerate(walked))"
    )
    fold = _ANY_ORDER.format(window=window, steps=f"range(1, {count + 1})", events=events, none=_NO_WALK)
    # Who does not go on takes the lowest of the steps that the first event is.
    step = f"bitAnd(toUInt32(bitShiftRight(start, {STEPS_AT})), {LOW})"
    first = _taken(time_of("start"), "indexOf(codes, start)", f"bitCount(bitXor({step}, {step} - 1))")
    return (
        f"SELECT *, multiIf(goes_on, {fold}, has(codes, start), [{first}], {_NO_WALK}) AS walk "  # noqa: S608
        f"FROM (SELECT *, if(goes_on, codes, []) AS walked FROM ({walkers}))"
    )


def _taken(at: str, place: str, step: int | str) -> str:
    """SQL: a step that was taken."""
    return f"bitShiftLeft({at}, 19) + bitShiftLeft(toInt64({place}), 5) + toInt64({step})"
