"""Funnels and goals recounted in Python: every walk from every beginning, no state kept between them.

Events are the rows that tests insert: ``at`` in ms, ``visitor_id``, ``path`` or ``name``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

Row = Mapping[str, Any]
Step = Callable[[Row], bool]
#: The events of a walk, one for each step that it came to.
Walk = list[Row]


def by_walker(rows: Sequence[Row], *, key: str = "visitor_id") -> dict[str, list[Row]]:
    """Everybody's events in the order of time, those of one moment as they were sent."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["at"]):
        found[row.get(key, "v1")].append(row)
    return found


def ordered(
    events: Sequence[Row],
    steps: Sequence[Step],
    *,
    window_ms: int,
    ends: Callable[[Row, int], bool] = lambda _, __: False,
) -> Walk:
    """The walk that came farthest, there first; of those the one whose steps were taken last, from the end.

    ``ends(event, taken)``: whether the event ends a walk that has taken so many steps.
    """
    best: list[int] = []
    for start in range(len(events)):
        for walk in _walks(events, steps, [start], window_ms, ends) if steps[0](events[start]) else ():
            best = max(best, walk, key=lambda one: (len(one), [-one[-1], *reversed(one)] if one else []))
    return [events[place] for place in best]


def _walks(
    events: Sequence[Row],
    steps: Sequence[Step],
    walk: list[int],
    window_ms: int,
    ends: Callable[[Row, int], bool],
) -> list[list[int]]:
    """The walk, and every way in which it can go on."""
    found = [walk]
    if len(walk) == len(steps):
        return found
    for place in range(walk[-1] + 1, len(events)):
        if events[place]["at"] - events[walk[0]]["at"] > window_ms or ends(events[place], len(walk)):
            break
        if steps[len(walk)](events[place]):
            found += _walks(events, steps, [*walk, place], window_ms, ends)
    return found


def strict(events: Sequence[Row], steps: Sequence[Step], *, window_ms: int) -> Walk:
    """The longest run of events that are the first steps, one after the other; the first of the longest."""
    best: Walk = []
    for start in range(len(events)):
        run: Walk = []
        for step, event in zip(steps, events[start:], strict=False):
            if not step(event) or event["at"] - events[start]["at"] > window_ms:
                break
            run.append(event)
        if len(run) > len(best):
            best = run
    return best


def most_in_any_order(events: Sequence[Row], steps: Sequence[Step], *, window_ms: int) -> int:
    """How many different steps lie within the window of one another, where no event is two of them."""
    times = [[event["at"] for event in events if step(event)] for step in steps]
    for count in range(len(steps), 0, -1):
        for some in combinations(times, count):
            for first in {at for one in some for at in one}:
                if all(any(first <= at <= first + window_ms for at in one) for one in some):
                    return count
    return 0
