"""What led to conversions, found the naive way: every conversion by itself, every model by its definition.

It shares no code with the product; it is written from docs/ATTRIBUTION.md. The chain is solved once for each
key, with its row taken out, as the definition of a removal effect has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from tests.oracle_stats import Did, Visit

DAY = 86_400_000
MODELS = ("first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based")


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """The visits that led to a conversion, or to none."""

    visits: list[Visit]
    revenue: float
    is_conversion: bool


def journeys(
    visits: list[Visit],
    orphans: list[tuple[str, int, Did]],
    *,
    zone: ZoneInfo,
    since: date,
    until: date,
    look_back_days: int,
    counts: Callable[[Did], bool] = lambda did: did.is_conversion,
    passes: Callable[[Visit], bool] | None = None,
) -> list[Journey]:
    """Every conversion of the period; and of each visitor without one, the way to the last visit.

    ``orphans``: events without a session. With ``passes``, only what was done in such a visit counts.
    """
    people = sorted((one for one in visits if not one.is_bot), key=lambda one: (one.at, one.id))

    def is_within(at: int) -> bool:
        return since <= datetime.fromtimestamp(at / 1000, zone).date() < until

    def way(visitor: str, at: int) -> list[Visit]:
        mine = [one for one in people if one.visitor == visitor]
        return [one for one in mine if at - look_back_days * DAY <= one.at <= at]

    done = [
        (one.visitor, one.at + number * 1000, did, one)
        for one in people
        for number, did in enumerate(one.did)
    ]
    done += [(visitor, at, did, None) for visitor, at, did in orphans]
    converted = [each for each in done if counts(each[2]) and is_within(each[1])]
    found = [
        Journey(visits=way(visitor, at), revenue=did.revenue, is_conversion=True)
        for visitor, at, did, visit in converted
        if passes is None or (visit is not None and passes(visit))
    ]
    for visitor in {one.visitor for one in people} - {visitor for visitor, *_ in converted}:
        last = [one for one in people if one.visitor == visitor and is_within(one.at)][-1:]
        found += [
            Journey(visits=way(visitor, one.at), revenue=0, is_conversion=False)
            for one in last
            if passes is None or passes(one)
        ]
    return found


def shares(model: str, visits: list[Visit], *, half_life_days: int) -> list[float]:
    """What each visit is given of a conversion."""
    size = len(visits)
    places = range(size)
    match model:
        case "first_touch":
            return [float(place == 0) for place in places]
        case "last_touch":
            return [float(place == size - 1) for place in places]
        case "last_non_direct":
            told = [place for place in places if visits[place].facts["channel"] != "Direct"] or [size - 1]
            return [float(place == told[-1]) for place in places]
        case "linear":
            return [1 / size for _ in places]
        case "time_decay":
            weights = [0.5 ** ((visits[-1].at - one.at) / (half_life_days * DAY)) for one in visits]
            return [weight / sum(weights) for weight in weights]
        case _:
            if size < 3:
                return [1 / size for _ in places]
            return [0.4 if place in (0, size - 1) else 0.2 / (size - 2) for place in places]


def credits_by_rule(
    model: str, found: list[Journey], *, by: str, half_life_days: int
) -> dict[str, tuple[float, float]]:
    """Key -> conversions and revenue."""
    given: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for journey in found:
        if not journey.is_conversion:
            continue
        parts = shares(model, journey.visits, half_life_days=half_life_days)
        for key, part in zip([one.facts[by] for one in journey.visits], parts, strict=True):
            given[key][0] += part
            given[key][1] += part * journey.revenue
        if not journey.visits:
            given["(none)"][0] += 1
            given["(none)"][1] += journey.revenue
    return {key: (conversions, revenue) for key, (conversions, revenue) in given.items() if conversions}


def removal_effects(found: list[Journey], *, by: str) -> dict[str, float]:
    """Key -> the part of the conversions that is lost without it."""
    paths = [([one.facts[by] for one in each.visits], each.is_conversion) for each in found if each.visits]
    keys = sorted({key for path, _ in paths for key in path})
    states = ["start", *keys, "converted", "lost"]
    counts = np.zeros((len(states), len(states)))
    for path, is_conversion in paths:
        walk = [0, *(1 + keys.index(key) for key in path), -2 if is_conversion else -1]
        for here, there in pairwise(walk):
            counts[here, there] += 1
    inner = counts[:-2] / counts[:-2].sum(axis=1, keepdims=True) if paths else counts[:-2]

    def rate(without: int | None) -> float:
        moves = inner.copy()
        if without is not None:
            moves[without] = 0
        system = np.eye(len(inner)) - moves[:, : len(inner)]
        return float(np.linalg.solve(system, moves[:, -2])[0])

    whole = rate(None)
    return {key: 1 - rate(1 + place) / whole if whole else 0.0 for place, key in enumerate(keys)}
