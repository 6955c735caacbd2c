"""Walkers with their events in order -> the walk of each that came furthest, and there first. Pure SQL.

An event of a walker is one number, so that sorting is cheap (views/funnels/codes.py).

``walkers``: a relation with ``codes`` (the events), ``start``: the first that takes a first step, and
``goes_on``: whether a second step can be come to. ``kept``: further columns, each with a comma behind it.
What comes of them has ``codes`` and ``taken``: for each step the event that took it, 0 for none.
"""

from __future__ import annotations

from views.funnels.codes import Codes

#: Of an event's place among those of its walker.
_PLACE_BITS = 14
_PLACE = (1 << _PLACE_BITS) - 1
#: 0 where the first step is not among the events that are walked over.
_START = "start * (start <= codes[-1])"

#: In any order. acc.1: per step, the event that took it last. Of the steps that an event is, it takes the one
#: that was taken longest ago, the earlier of two that never were.
_ANY_ORDER = """
arrayFold(
    (acc, code) -> (
        {steps_of} AS steps,
        {ended_of} = 0 AS goes,
        arrayMap(
            (last, n) -> if(
                n = arraySort(
                    m -> (acc.3[m] * goes, m), arrayFilter(m -> bitTest(steps, m - 1), {steps})
                )[1],
                code, last * goes
            ),
            acc.3, {steps}
        ) AS lasts,
        arrayMap(last -> last * ({time_of_last} >= {time} - {window}), lasts) AS alive,
        if(countEqual(alive, 0) < countEqual(acc.5, 0), alive, acc.5)
    ),
    walked,
    (toUInt32(0), toUInt8(0), {nothing}, {nothing}, {nothing})
).5
"""


def in_order(walkers: str, *, kept: str, codes: Codes, count: int, window: str, ends: str) -> str:
    """SQL: what comes of the walkers, one step after the other.

    ``ends``: SQL, whether an event ends the walk that has come to the step whose bit of ``ended`` is ``bit``.
    Step by step: at each event the walk that has come to the step and began latest, as its beginning in
    ms << 14 | the place of the event that took the step. 0: none; -1: it was ended.
    """
    # Each level names what later ones need: the more columns there are, the longer the engine thinks.
    each = {"at": f"bitShiftLeft({codes.time('code')}, {_PLACE_BITS})", "steps": codes.steps_of("code")}
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
    for step in range(count, 1, -1):
        place = f"arrayFirstIndex(one -> one > 0, {comes[step - 1]})"
        if step < count:
            place = f"if(at_{step + 1} > 0, {_before(step)}, {place})"
        had = "".join(f", {one}" for one in (*comes[: step - 1], *ats))
        ats.append(f"at_{step}")
        rows = f"SELECT {of_walk}{had}, {place} AS at_{step} FROM ({rows})"  # noqa: S608
    # TRICKY: an `if` would put off every level to where it is true, and make each anew wherever it is used.
    first = f"if(at_2 > 0, codes[{_before(1)}], {_START})"
    taken = ", ".join([first, *(f"codes[{at}]" for at in reversed(ats))])
    return f"SELECT {kept}codes, [{taken}] AS taken FROM ({rows})"  # noqa: S608


def _before(step: int) -> str:
    """SQL: the place of the event that took the step, of a walk that took the next one."""
    return f"bitAnd(come_{step}[at_{step + 1} - 1], {_PLACE})"


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
        earliest = f"greatest(at - bitShiftLeft({window}, {_PLACE_BITS}), 1)"
        takes = f"bitTest(steps, {step - 1}) * (before >= {earliest})"
        walk = f"bitOr(bitAnd(before, {~_PLACE}), place)"
    led = f"{takes} * {walk}"
    if ends != "0":
        led += f" - (1 - {takes}) * ({ends.format(bit=step - 1)})"
    return f"arrayMap(({', '.join(names)}) -> {led}, {', '.join(lists)})"


def in_any_order(walkers: str, *, kept: str, codes: Codes, count: int, window: str) -> str:
    """SQL: what comes of the walkers, whichever step came first."""
    steps = f"range(1, {count + 1})"
    nothing = f"arrayMap(n -> to{codes.kind}(0), {steps})"
    fold = _ANY_ORDER.format(
        steps_of=codes.steps_of("code"),
        ended_of=codes.ended_of("code"),
        time_of_last=codes.time("last"),
        time=codes.time("code"),
        window=window,
        steps=steps,
        nothing=nothing,
    )
    # Who does not go on takes the lowest of the steps that the first event is.
    is_lowest = f"n = bitCount(bitXor({codes.steps_of('start')} AS these, these - 1))"
    return (
        f"SELECT {kept}codes, "  # noqa: S608
        f"if(goes_on, {fold}, arrayMap(n -> {_START} * ({is_lowest}), {steps})) AS taken "
        f"FROM (SELECT *, if(goes_on, codes, []) AS walked FROM ({walkers}))"
    )
