"""Funnels against a recount in Python, and at each of their borders."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.errors import NotFoundError
from app.funnel_settings import FunnelSettings
from tests.answering import Asked, asked, engine, funnel, migrated, ms, scope
from views.funnels.model import LONGEST_MS
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

HOUR_MS = 3_600_000
T = ms("2026-03-10T12:00Z")


def view(path: str, at: int = T, **changes: Any) -> dict[str, Any]:
    return {"path": path, "at": at, **changes}


def named(name: str, at: int = T, **changes: Any) -> dict[str, Any]:
    return {"event_type": "custom_event", "name": name, "path": "/", "at": at, **changes}


async def reached(
    asked: Asked, asked_for: FunnelSettings, *rows: dict[str, Any]
) -> tuple[list[int], float | None]:
    """Visitors by step, and the median time to convert in ms."""
    asked.events(*rows)
    found = await asked.funnels(it=asked_for).funnel(scope(), funnel_id="it")
    took = found.median_time_to_convert_s
    return [step.visitors for step in found.steps], None if took is None else took * 1000


@pytest.mark.parametrize(
    ("rows", "visitors", "took_ms"),
    [
        ([], [0, 0, 0], None),
        ([view("/c"), view("/b", T + 1)], [0, 0, 0], None),
        ([view("/a")], [1, 0, 0], None),
        ([view("/a"), view("/b", T + 1)], [1, 1, 0], None),
        ([view("/a"), view("/b", T + 1), named("buy", T + 5)], [1, 1, 1], 5),
        # Steps that were skipped or taken in another order do not count.
        ([view("/a"), named("buy", T + 1)], [1, 0, 0], None),
        ([named("buy"), view("/b", T + 1), view("/a", T + 2)], [1, 0, 0], None),
        # Other events may come in between, and steps may be repeated: the latest beginning counts.
        ([view("/a"), view("/x", T + 1), view("/b", T + 2), named("buy", T + 3)], [1, 1, 1], 3),
        ([view("/a"), view("/a", T + 6), view("/b", T + 7), named("buy", T + 10)], [1, 1, 1], 4),
        # The first conversion is the one that is timed.
        ([view("/a"), view("/b", T + 1), named("buy", T + 2), named("buy", T + 9)], [1, 1, 1], 2),
        # Within the window of the first step, its last millisecond included.
        ([view("/a"), view("/b", T + HOUR_MS), named("buy", T + HOUR_MS)], [1, 1, 1], HOUR_MS),
        ([view("/a"), view("/b", T + 5), named("buy", T + HOUR_MS + 1)], [1, 1, 0], None),
        ([view("/a"), view("/b", T + HOUR_MS + 1)], [1, 0, 0], None),
        # At the same moment the order of sending decides.
        ([view("/a"), view("/b"), named("buy")], [1, 1, 1], 0),
        ([named("buy"), view("/b"), view("/a")], [1, 0, 0], None),
        # A page is a page view of it, an event its name, wherever it happened.
        ([view("/a", event_type="click"), view("/b", T + 1)], [0, 0, 0], None),
        ([view("/a"), view("/b", T + 1), named("buy", T + 2, path="/thanks")], [1, 1, 1], 2),
        # Two visitors are no funnel.
        ([view("/a"), view("/b", T + 1, visitor_id="v2")], [1, 0, 0], None),
    ],
)
async def test_steps_count_in_order_and_in_time(
    asked: Asked, rows: list[dict[str, Any]], visitors: list[int], took_ms: float | None
) -> None:
    rows = rows or [view("/elsewhere")]
    assert await reached(asked, funnel("/a", "/b", "buy"), *rows) == (visitors, took_ms)


@pytest.mark.parametrize(
    ("steps", "views", "visitors"),
    [
        (("/p/*", "/p/*"), ["/p/1"], [1, 0]),
        (("/p/*", "/p/*"), ["/p/1", "/p/1"], [1, 1]),
        (("/*", "/p/*", "/*"), ["/p/1", "/p/2"], [1, 1, 0]),
        (("/*", "/p/*", "/*"), ["/p/1", "/p/2", "/x"], [1, 1, 1]),
    ],
)
async def test_an_event_takes_one_step_however_many_it_matches(
    asked: Asked, steps: tuple[str, ...], views: list[str], visitors: list[int]
) -> None:
    found, _ = await reached(asked, funnel(*steps), *map(view, views))
    assert found == visitors


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/products/*", "/products/", True),
        ("/products/*", "/products/a/b", True),
        ("/products/*", "/products", False),
        ("/products/*", "/en/products/a", False),
        ("/a.b", "/a.b", True),
        ("/a.b", "/axb", False),
        ("/a+(b)[c]|^$", "/a+(b)[c]|^$", True),
        ("/a", "/a/", False),
        ("/a", "/A", False),
        ("/*/end", "/x/y/end", True),
        ("/é ü-~'\"\\", "/é ü-~'\"\\", True),
        ("/%2A*", "/%2Ax", True),
        ("/*", "/two\nlines", True),
    ],
)
async def test_a_star_stands_for_any_text_and_nothing_else_is_special(
    asked: Asked, pattern: str, path: str, matches: bool
) -> None:
    found, _ = await reached(asked, funnel(pattern, "never"), view(path))
    assert found[0] == int(matches)


async def test_the_longest_funnel_with_the_longest_window_can_be_walked(asked: Asked) -> None:
    steps = [f"/{number}" for number in range(20)]
    rows = [view(step, T + number * 60_000) for number, step in enumerate(steps)]
    found, took_ms = await reached(asked, funnel(*steps, window_ms=LONGEST_MS * 10), *rows)
    assert (found, took_ms) == ([1] * 20, 19 * 60_000)


async def test_bots_and_other_sites_and_other_days_stay_out(asked: Asked) -> None:
    asked.events(
        view("/a", is_bot=1),
        view("/a", visitor_id="v2", site_id="saas"),
        view("/a", ms("2026-03-31T22:00Z"), visitor_id="v3"),
        view("/a", ms("2026-03-31T21:59Z"), visitor_id="v4"),
    )
    queries = asked.funnels(it=funnel("/a", "/b"))
    counts = [
        (await queries.funnel(scope(bots=bots), funnel_id="it")).steps[0].visitors
        for bots in (Bots.EXCLUDE, Bots.INCLUDE, Bots.ONLY)
    ]
    assert counts == [1, 2, 1]


async def test_each_step_is_told_with_its_shares(asked: Asked) -> None:
    rows = [view("/a", visitor_id=f"v{number}") for number in range(8)]
    rows += [view("/b", T + 9, visitor_id=f"v{number}") for number in range(4)]
    rows += [view("/c", T + 10, visitor_id="v0")]
    asked.events(*rows)
    found = await asked.funnels(it=funnel("/a", "/b", "/c")).funnel(scope(), funnel_id="it")
    first, second, third = found.steps
    assert (first.conversion, first.overall, first.drop_off) == (1.0, 1.0, 0)
    assert (second.conversion, second.overall, second.drop_off) == (0.5, 0.5, 4)
    assert (third.conversion, third.overall, third.drop_off) == (0.25, 0.125, 3)
    assert found.conversion == 0.125


async def test_a_funnel_that_is_not_in_the_settings_is_named_with_those_that_are(asked: Asked) -> None:
    with pytest.raises(NotFoundError, match=r"no funnel 'x'.*known are: checkout"):
        await asked.queries.funnel(scope(), funnel_id="x")


STEPS: Mapping[str, tuple[str, ...]] = {
    "plain": ("/a", "/b", "/c"),
    "same": ("/a", "/a", "/a"),
    "wide": ("/*", "/b", "/*"),
    "back": ("/a", "/b", "/a"),
    "mixed": ("/a", "buy", "/*", "buy"),
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())
async def test_any_visits_give_what_a_recount_gives(asked: Asked, steps: tuple[str, ...]) -> None:
    dice = random.Random("".join(steps))
    rows = [
        dice.choice([view("/a"), view("/b"), view("/c"), named("buy")])
        | {"visitor_id": f"v{dice.randrange(60)}", "at": T + dice.randrange(400)}
        for _ in range(500)
    ]
    found = await reached(asked, funnel(*steps, window_ms=1000), *rows)
    assert found == recounted(rows, steps, window_ms=1000)


@pytest.mark.parametrize("window_ms", [1000, 5000])
async def test_any_visits_longer_than_the_window_too(asked: Asked, window_ms: int) -> None:
    dice = random.Random(window_ms)
    rows = [
        dice.choice([view("/a"), view("/b"), view("/c")])
        | {"visitor_id": f"v{dice.randrange(40)}", "at": T + dice.randrange(20_000)}
        for _ in range(400)
    ]
    steps = ("/a", "/b", "/c")
    found = await reached(asked, funnel(*steps, window_ms=window_ms), *rows)
    assert found == recounted(rows, steps, window_ms=window_ms)


def recounted(
    rows: Sequence[dict[str, Any]], steps: Sequence[str], *, window_ms: int
) -> tuple[list[int], float | None]:
    """From each beginning of each visitor, take the next step at the first later event that is it."""
    by_visitor: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["at"]):
        by_visitor[row["visitor_id"]].append(row)
    levels, times = [], []
    for visits in by_visitor.values():
        walks = [_walk(visits[start:], steps, window_ms=window_ms) for start in range(len(visits))]
        levels.append(max(level for level, _, _ in walks))
        ends = [(ended, began) for level, began, ended in walks if level == len(steps)]
        if ends:
            first_end = min(ended for ended, _ in ends)
            times.append(min(ended - began for ended, began in ends if ended == first_end))
    counts = [sum(level >= step for level in levels) for step in range(1, len(steps) + 1)]
    return counts, statistics.median(times) if times else None


def _walk(visits: Sequence[dict[str, Any]], steps: Sequence[str], *, window_ms: int) -> tuple[int, int, int]:
    """How far a walk that begins with the first of the visits goes: level, beginning, end."""
    began, level, ended = visits[0]["at"], 0, visits[0]["at"]
    for number, visit in enumerate(visits):
        if visit["at"] - began > window_ms or level == len(steps) or (number > 0 and level == 0):
            break
        if _is(visit, steps[level]):
            level, ended = level + 1, visit["at"]
    return level, began, ended


def _is(visit: dict[str, Any], step: str) -> bool:
    if not step.startswith("/"):
        return bool(visit.get("name") == step)
    return "name" not in visit and step in ("/*", visit["path"])
