"""Clicks and scrolling of a page, against the same visits counted in plain Python."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest

from app.errors import QueryError
from app.events.vocabulary import DeviceClass
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.page_traffic import PATHS, Visit, clicked, scope_of, visits, write
from tests.real_log import DAYS, REAL_LOG, requests, with_real_log
from views.heatmap import Heatmap, HeatmapAsked
from views.params import Bots
from views.stats.model import And, Is

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

T0 = ms("2026-03-10T12:00Z")
ACTIVE = {"a", "button", "input", "select", "textarea", "label", "option", "summary", "video", "audio"}
BY_ITSELF = {"$page_leave", "$web_vitals", "$exposure"}


def by_visitor(made: list[Visit]) -> dict[str, list[tuple[Visit, dict[str, Any]]]]:
    """Each visitor's events in the order of time."""
    found: dict[str, list[tuple[Visit, dict[str, Any]]]] = defaultdict(list)
    for visit in made:
        found[visit.visitor] += [(visit, event) for event in visit.events]
    return {visitor: sorted(theirs, key=lambda one: one[1]["at"]) for visitor, theirs in found.items()}


def is_active(element: str) -> bool:
    return any(re.split(r"[#.]", step)[0] in ACTIVE for step in element.split(" > "))


def rage(theirs: list[dict[str, Any]]) -> tuple[int, int]:
    """Clicks that are one of three near ones, and the runs that they make."""
    angry: list[int] = []
    bursts = 0
    for first in range(len(theirs) - 2):
        three = theirs[first : first + 3]
        spans = [
            round(max(one[axis] for one in three) - min(one[axis] for one in three), 6)
            for axis in ("click_x", "click_y")
        ]
        if three[2]["at"] - three[0]["at"] <= 1000 and max(spans) <= 0.02:
            bursts += not {first, first + 1} & set(angry)
            angry += [first, first + 1, first + 2]
    return len(set(angry)), bursts


def counted(made: list[Visit], path: str, *, columns: int, rows: int) -> dict[str, Any]:
    found: dict[str, Any] = Counter()
    cells: Counter[tuple[int, int]] = Counter()
    elements: Counter[tuple[str, str]] = Counter()
    depths: list[int] = []
    for theirs in by_visitor(made).values():
        active = [one for one in theirs if one[1].get("name") not in BY_ITSELF]
        clicks = []
        for place, (visit, event) in enumerate(active):
            if event["event_type"] != "click" or event["path"] != path or visit.is_bot:
                continue
            clicks.append(event)
            cell = (event["click_x"] * columns, event["click_y"] * rows)
            cells[min(int(cell[0] + 1e-9), columns - 1), min(int(cell[1] + 1e-9), rows - 1)] += 1
            elements[event["element"], event["element_text"]] += 1
            later = active[place + 1][1]["at"] - event["at"] if place + 1 < len(active) else None
            is_quiet = later is None or later > 5000
            found["dead"] += is_quiet and not event["element_text"] and not is_active(event["element"])
        found["visitors"] += bool(clicks)
        angry, bursts = rage(clicks)
        found["rage"] += angry
        found["bursts"] += bursts
        depths += depths_of([one for one in theirs if one[1]["path"] == path])
    return {**found, "cells": cells, "elements": elements, "depths": depths}


def depths_of(theirs: list[tuple[Visit, dict[str, Any]]]) -> list[int]:
    """The depth of each page view of people: the deepest that was told before the next one."""
    found: list[int] = []
    people: list[bool] = []
    for visit, event in theirs:
        if event["event_type"] == "page_view":
            found.append(0)
            people.append(not visit.is_bot)
        elif found:
            found[-1] = max(found[-1], event.get("scroll_depth", 0))
    return [depth for depth, is_person in zip(found, people, strict=True) if is_person]


def held(found: Heatmap, wanted: dict[str, Any]) -> None:
    clicks = sum(wanted["elements"].values())
    assert (found.clicks, found.placed_clicks, found.visitors) == (clicks, clicks, wanted.get("visitors", 0))
    assert {(cell.column, cell.row): cell.clicks for cell in found.cells} == wanted["cells"]
    assert {(one.element, one.text): one.clicks for one in found.elements} == wanted["elements"]
    assert found.dead_clicks == wanted.get("dead", 0) == sum(one.dead_clicks for one in found.elements)
    assert (found.rage_clicks, found.rage_bursts) == (wanted.get("rage", 0), wanted.get("bursts", 0))
    assert found.rage_clicks == sum(one.rage_clicks for one in found.elements)
    assert found.page_views == len(wanted["depths"])
    reached = [sum(depth >= least for depth in wanted["depths"]) for least in range(10, 101, 10)]
    assert [one.page_views for one in found.scroll_reach] == reached == sorted(reached, reverse=True)


def distinct(made: list[Visit]) -> list[Visit]:
    """Those whose events are of different times: what comes first among equals is up to their offsets."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for visit in made:
        moments = [(visit.visitor, event["at"]) for event in visit.events]
        if len({*moments}) == len(moments) and not seen & {*moments}:
            seen |= {*moments}
            kept.append(visit)
    return kept


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [("America/New_York", "2026-03-07", "2026-03-10"), ("Asia/Kathmandu", "2025-12-30", "2026-01-02")],
)
async def test_a_heatmap_is_that_of_a_recount(asked: Asked, zone: str, since: str, until: str) -> None:
    made = distinct(visits(21, count=400, first=since, days=3, zone=zone))
    write(asked, made, zone=zone)
    where = scope_of(since, until, zone=zone)
    wanted = [counted(made, path, columns=7, rows=4) for path in PATHS]
    assert all(sum(one[name] for one in wanted) for name in ("dead", "rage", "bursts"))
    for path, one in zip(PATHS, wanted, strict=True):
        question = HeatmapAsked(page=path, columns=7, rows=4)
        found = await asked.queries.heatmap(where, question)
        held(found, one)
        if path == PATHS[0]:
            always = HeatmapAsked(page=path, columns=7, rows=4, filter=And(filters=[]))
            assert await asked.queries.heatmap(where, always) == found
            devices = [
                await asked.queries.heatmap(where, HeatmapAsked(page=path, device_class=one))
                for one in DeviceClass
            ]
            assert sum(one.clicks for one in devices) == found.clicks > max(one.clicks for one in devices)
            assert sum(one.page_views for one in devices) == found.page_views


@with_real_log
async def test_a_heatmap_of_real_visits_is_that_of_a_recount(asked: Asked) -> None:
    """Pages and times of a log; where they clicked is made up."""
    made = clicked(requests(REAL_LOG))
    write(asked, made, zone="UTC")
    often = Counter(event["path"] for visit in made for event in visit.events).most_common(6)
    wanted = {path: counted(made, path, columns=7, rows=4) for path, _ in often}
    assert all(sum(one[name] for one in wanted.values()) for name in ("dead", "rage", "bursts"))
    for path, one in wanted.items():
        question = HeatmapAsked(page=path, columns=7, rows=4)
        held(await asked.queries.heatmap(scope_of(*DAYS, zone="UTC"), question), one)


def click(after_ms: int, x: float = 0.5, y: float = 0.5, **more: Any) -> dict[str, Any]:
    where = {"click_x": x, "click_y": y, "properties": f'{{"x":{x},"y":{y}}}'}
    return {"event_type": "click", "at": T0 + after_ms, "element": "main > p", **where, **more}


async def mapped(asked: Asked, **question: Any) -> Heatmap:
    return await asked.queries.heatmap(scope(), HeatmapAsked(page="/a", **question))


async def test_a_page_without_events_has_nothing_on_it(asked: Asked) -> None:
    found = await mapped(asked)
    assert (found.clicks, found.visitors, found.cells, found.elements, found.page_views) == (0, 0, [], [], 0)
    assert [one.share for one in found.scroll_reach] == [0.0] * 10


async def test_cells_hold_their_upper_left_edge_and_the_last_ones_the_end_of_the_page(asked: Asked) -> None:
    asked.events(
        *(click(0, x=number / 10, y=1.0) for number in range(11)),
        click(0, properties='{"element":"p"}'),
        click(0, properties=""),
    )
    found = await mapped(asked, columns=10, rows=1)
    assert [(cell.column, cell.row, cell.clicks) for cell in found.cells] == [
        *((number, 0, 1) for number in range(9)),
        (9, 0, 2),
    ]
    assert (found.clicks, found.placed_clicks) == (13, 11)


@pytest.mark.parametrize(
    ("clicks", "bursts", "angry"),
    [
        ([click(0), click(500)], 0, 0),
        ([click(0), click(500), click(1000)], 1, 3),
        ([click(0), click(500), click(1001)], 0, 0),
        ([click(0), click(0), click(0)], 1, 3),
        ([click(number * 400) for number in range(6)], 1, 6),
        ([*(click(number) for number in range(3)), *(click(60_000 + number) for number in range(3))], 2, 6),
        ([click(0), click(1, x=0.53), click(2)], 0, 0),
        ([click(0), click(1, y=0.51), click(2, x=0.49)], 1, 3),
        ([click(0), click(1, visitor_id="v2"), click(2)], 0, 0),
        ([click(0), click(1, path="/b"), click(2)], 0, 0),
        ([click(0), click(1, properties=""), click(2)], 0, 0),
    ],
)
async def test_rage_is_three_clicks_within_a_second_at_one_place(
    asked: Asked, clicks: list[dict[str, Any]], bursts: int, angry: int
) -> None:
    asked.events(*clicks)
    found = await mapped(asked)
    assert (found.rage_bursts, found.rage_clicks) == (bursts, angry)


@pytest.mark.parametrize("count", [50, 100])
async def test_every_edge_is_of_the_cell_that_it_begins(asked: Asked, count: int) -> None:
    asked.events(*(click(number, x=number / count, y=number / count) for number in range(count)))
    found = await mapped(asked, columns=count, rows=count)
    assert [(cell.column, cell.row, cell.clicks) for cell in found.cells] == [(n, n, 1) for n in range(count)]


async def test_clicks_as_far_apart_as_rage_allows_are_rage_wherever_they_are(asked: Asked) -> None:
    for number in range(99):
        near, far = number / 100, (number + 2) / 100
        who = {"visitor_id": f"who{number}"}
        asked.events(*(click(place, x=x, **who) for place, x in enumerate((near, near, far))))
    assert ((await mapped(asked)).rage_bursts, (await mapped(asked)).rage_clicks) == (99, 3 * 99)


async def test_rage_over_midnight_is_a_burst_of_the_day_on_which_it_begins(asked: Asked) -> None:
    """Berlin's 11 March begins at 23:00 UTC."""
    midnight = ms("2026-03-10T23:00Z")
    asked.events(*(click(0, at=midnight + after) for after in (-600, -300, 100)))
    days = [("2026-03-10", "2026-03-11"), ("2026-03-11", "2026-03-12"), ("2026-03-10", "2026-03-12")]
    figures = []
    for since, until in days:
        found = await asked.queries.heatmap(scope("shop", since, until), HeatmapAsked(page="/a"))
        figures.append((found.clicks, found.rage_clicks, found.rage_bursts))
    assert figures == [(2, 2, 1), (1, 1, 0), (3, 3, 1)]


async def test_a_click_is_dead_where_nothing_followed_and_nothing_had_to(asked: Asked) -> None:
    cases: list[tuple[dict[str, Any], list[dict[str, Any]], bool]] = [
        ({}, [], True),
        ({}, [{"at": T0 + 5000, "event_type": "page_view", "path": "/b"}], False),
        ({}, [{"at": T0 + 5001, "event_type": "page_view"}], True),
        ({}, [{"at": T0 + 9, "event_type": "custom_event", "name": "opened"}], False),
        ({}, [{"at": T0 + 9, "event_type": "custom_event", "name": "$page_leave"}], True),
        ({}, [{"at": T0 + 9, "event_type": "custom_event", "name": "$web_vitals"}], True),
        ({"name": "outbound"}, [], False),
        ({"element_text": "Buy"}, [], False),
        ({"element": "a"}, [], False),
        ({"element": "#top > button.big > span"}, [], False),
        ({"element": "main > article#a > span.button"}, [], True),
        ({"element": "body > a-card"}, [], True),
    ]
    for number, (changes, followed, _) in enumerate(cases):
        who = {"visitor_id": f"who{number}"}
        asked.events(click(0, **changes, **who), *({**one, **who} for one in followed))
    found = dict.fromkeys(range(len(cases)), 0)
    for number in found:
        who_alone = Is(field="visitor_id", value=f"who{number}")
        found[number] = (await mapped(asked, filter=who_alone)).dead_clicks
    assert found == {number: int(is_dead) for number, (_, _, is_dead) in enumerate(cases)}


async def test_what_follows_may_be_of_the_day_after_the_period(asked: Asked) -> None:
    """Berlin's March ends at 22:00 UTC."""
    late = ms("2026-03-31T21:59:59Z")
    asked.events(
        {"at": late - 1000},
        click(0, at=late),
        {"at": late + 2000, "event_type": "scroll", "scroll_depth": 75},
    )
    found = await mapped(asked)
    assert (found.clicks, found.dead_clicks, found.page_views) == (1, 0, 1)
    assert [one.page_views for one in found.scroll_reach] == [1] * 7 + [0] * 3
    assert [one.share for one in found.scroll_reach] == [1.0] * 7 + [0.0] * 3


async def test_bots_are_left_out_unless_asked_for(asked: Asked) -> None:
    asked.events(click(0), click(0, is_bot=1, visitor_id="bot"), {"is_bot": 1})
    assert ((await mapped(asked)).clicks, (await mapped(asked)).page_views) == (1, 0)
    found = await asked.queries.heatmap(scope(bots=Bots.INCLUDE), HeatmapAsked(page="/a"))
    assert (found.clicks, found.page_views) == (2, 1)


@pytest.mark.parametrize("page", ["' OR 1=1 --", "{site:String}", "/\x00", "/é\\"])
async def test_a_page_is_a_value_whatever_it_says(asked: Asked, page: str) -> None:
    asked.events(click(0))
    assert (await asked.queries.heatmap(scope(), HeatmapAsked(page=page))).clicks == 0
    with pytest.raises(QueryError, match="unknown field"):
        await asked.queries.heatmap(scope(), HeatmapAsked(page=page, filter=Is(field=page, value="")))
