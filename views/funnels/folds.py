"""Walkers with their events in order -> the walk of each that came furthest, and there first. Pure SQL.

An event of a walker is one number, so that sorting is cheap (views/funnels/codes.py). A step that was taken
is its time << 19 | place among the events << 5 | step: so steps compare by time, and name their event. A walk
is an array of those.

``walkers``: a relation with ``codes`` (the events), ``start``: the first that takes a first step, and
``goes_on``: whether a second step can be come to. ``kept``: further columns, each with a comma behind it.
"""

from __future__ import annotations

from views.funnels.codes import Codes

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


def in_order(walkers: str, *, kept: str, codes: Codes, count: int, window: str, ends: str) -> str:
    """SQL: the walkers with ``walk``, one step after the other.

    ``ends``: SQL, whether an event ends the walk that has come to the step whose bit of ``ended`` is ``bit``.
    Step by step: at each event the walk that has come to the step and began latest, as its beginning in
    ms << 14 | the place of the event that took the step. 0: none; -1: it was ended.
    """
    # Each level names what later ones need: the more columns there are, the longer the engine thinks.
    each = {"at": f"bitShiftLeft({codes.time('code')}, {PLACE_BITS})", "steps": codes.steps_of("code")}
    if "ended" in ends:
        each["ended"] = codes.ended_of("code")
    made = ", ".join(f"arrayMap(code -> {sql}, walked) AS each_{name}" for name, sql in each.items())
    arrays = ", ".join(f"each_{name}" for name in each)
    of_walk = f"{kept}codes, start, goes_on"
    rows = f"SELECT {of_walk}, if(goes_on, codes, []) AS walked, {made} FROM ({walkers})"  # noqa: S608
    comes = [f"come_{step}" for step in range(1, count)]
    for step, come in enumerate(comes, 1):
        led = _led(step, [*each], window=window, ends=ends)
        had = "".join(f", {one}" for one in comes[: step - 1])
        rows = (
            f"SELECT {of_walk}, {arrays}{had}, arrayFill(one -> one != 0, {led}) AS {come} "  # noqa: S608
            f"FROM ({rows})"
        )
    # Nobody goes on from the last step: where it is come to is enough.
    comes.append(_led(count, [*each], window=window, ends=ends))
    # Back from the first event that came furthest; of who does not go on, to where they start.
    ats: list[str] = []
    for step in range(count, 0, -1):
        place = f"arrayFirstIndex(one -> one > 0, {comes[step - 1]})"
        if step < count:
            place = f"if(at_{step + 1} > 0, bitAnd(come_{step}[at_{step + 1} - 1], {_PLACE}), {place})"
        if step == 1:
            place += " + (NOT goes_on) * indexOf(codes, start)"
        had = "".join(f", {one}" for one in (*comes[: step - 1], *ats))
        ats.append(f"at_{step}")
        rows = f"SELECT {of_walk}{had}, {place} AS at_{step} FROM ({rows})"  # noqa: S608
    # TRICKY: an `if` would put off every level to where it is true, and make each anew wherever it is used.
    ats.reverse()
    taken = ", ".join(f"codes[{at}]" for at in ats)
    walk = (
        f"arrayMap((code, place, step) -> {_taken(codes.time('code'), 'place', 'step')}, "
        f"[{taken}], [{', '.join(ats)}], range(1, {count + 1}))"
    )
    reached = " + ".join(f"({at} > 0)" for at in ats)
    return f"SELECT {kept}codes, arraySlice({walk}, 1, {reached}) AS walk FROM ({rows})"  # noqa: S608


def _led(step: int, each: list[str], *, window: str, ends: str) -> str:
    """SQL: at each event the walk that it leads to the step; 0: none; -1: it ends the one that was there."""
    names, lists = [*each, "place"], [*(f"each_{one}" for one in each), "arrayEnumerate(each_at)"]
    # Not `if` and AND: for a few numbers it costs more to leave them out than to make them.
    if step == 1:
        takes, walk = "bitTest(steps, 0)", "(at + place)"
    else:
        names.append("before")
        lists.append(f"arrayShiftRight(come_{step - 1}, 1)")
        # No earlier beginning is in time, and 0 is none.
        earliest = f"greatest(at - bitShiftLeft({window}, {PLACE_BITS}), 1)"
        takes = f"bitTest(steps, {step - 1}) * (before >= {earliest})"
        walk = f"bitOr(bitAnd(before, {~_PLACE}), place)"
    led = f"{takes} * {walk}"
    if ends != "0":
        led += f" - (1 - {takes}) * ({ends.format(bit=step - 1)})"
    return f"arrayMap(({', '.join(names)}) -> {led}, {', '.join(lists)})"


def in_any_order(walkers: str, *, kept: str, codes: Codes, count: int, window: str) -> str:
    """SQL: the walkers with ``walk``, whichever step came first."""
    events = (
        f"arrayMap((code, place) -> ({codes.time('code')} AS at, "
        f"bitShiftLeft(at, 19) + bitShiftLeft(toInt64(place), 5), "
        f"{codes.steps_of('code')}, {codes.ended_of('code')}), walked, arrayEnumerate(walked))"
    )
    fold = _ANY_ORDER.format(window=window, steps=f"range(1, {count + 1})", events=events, none=_NO_WALK)
    # Who does not go on takes the lowest of the steps that the first event is.
    step = codes.steps_of("start")
    first = _taken(codes.time("start"), "indexOf(codes, start)", f"bitCount(bitXor({step}, {step} - 1))")
    return (
        f"SELECT {kept}codes, "  # noqa: S608
        f"multiIf(goes_on, {fold}, has(codes, start), [{first}], {_NO_WALK}) AS walk "
        f"FROM (SELECT *, if(goes_on, codes, []) AS walked FROM ({walkers}))"
    )


def _taken(at: str, place: str, step: str) -> str:
    """SQL: a step that was taken."""
    return f"bitShiftLeft({at}, 19) + bitShiftLeft(toInt64({place}), 5) + toInt64({step})"
