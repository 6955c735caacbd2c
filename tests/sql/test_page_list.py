"""The list of pages, against a count of the same visits in plain Python."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any

import msgspec
import pytest

from app.errors import QueryError
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.page_traffic import CHANNELS, Visit, scope_of, visits, write
from tests.sql.store import block, retracted, some_uuid
from views.page_list import PageFigure, PageItem, PagesAsked
from views.params import Bots
from views.stats.model import And, Filter, Is, IsNot, Matches, Not, OneOf, Or

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

ZONES = [
    ("America/New_York", "2026-03-07", "2026-03-10"),
    ("Australia/Lord_Howe", "2026-04-03", "2026-04-07"),
    ("Asia/Kathmandu", "2025-12-30", "2026-01-02"),
    ("Asia/Kolkata", "2026-02-27", "2026-03-02"),
]
ALWAYS = (And(filters=[]), Not(filter=Or(filters=[])), Matches(field="path", value=""))


def counted(made: list[Visit], *, bots: bool = False) -> dict[str, dict[str, Any]]:
    """Path -> its figures."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    people: dict[str, set[str]] = defaultdict(set)
    for visit in made:
        if visit.is_bot and not bots:
            continue
        for event in visit.events:
            page = found[event["path"]]
            if event["event_type"] == "page_view":
                page["page_views"] += 1
                people[event["path"]].add(visit.visitor)
            page["engaged_ms"] += event.get("engaged_ms", 0)
            if event.get("name") == "$page_leave":
                page["leaves"] += 1
                page["depth"] += event["scroll_depth"]
        found[visit.entry]["entries"] += 1
        found[visit.entry]["bounces"] += visit.is_bounce
        found[visit.exit]["exits"] += 1
    return {path: {**page, "visitors": len(people[path])} for path, page in found.items()}


def held(page: dict[str, Any], found: PageItem) -> None:
    views, entries, exits = (page.get(name, 0) for name in ("page_views", "entries", "exits"))
    assert (found.page_views, found.entries, found.exits) == (views, entries, exits)
    assert found.visitors == page["visitors"]
    assert found.bounce_rate == pytest.approx(page.get("bounces", 0) / entries if entries else 0)
    assert found.exit_rate == pytest.approx(exits / views)
    assert found.engaged_s_per_view == pytest.approx(page.get("engaged_ms", 0) / views / 1000)
    leaves = page.get("leaves", 0)
    assert found.scroll_depth == pytest.approx(page.get("depth", 0) / leaves if leaves else 0)


async def asked_of(asked: Asked, where: Any, **question: Any) -> list[PageItem]:
    found = await asked.queries.page_list(where, PagesAsked(**question))
    assert found.next_cursor is None
    return found.pages


@pytest.mark.parametrize(("zone", "since", "until"), ZONES)
async def test_pages_are_those_of_a_recount(asked: Asked, zone: str, since: str, until: str) -> None:
    made = visits(7, count=120, first=since, days=3 if zone != "Australia/Lord_Howe" else 4, zone=zone)
    outside = visits(8, count=10, first="2026-06-01", days=2, zone=zone)
    write(asked, [*made, *outside], zone=zone)
    for bots in (Bots.EXCLUDE, Bots.INCLUDE):
        where = scope_of(since, until, zone=zone, bots=bots)
        found = await asked_of(asked, where)
        assert await asked_of(asked, where, filter=ALWAYS[0]) == found
        wanted = counted(made, bots=bots is Bots.INCLUDE)
        assert {page.path for page in found} == wanted.keys()
        for page in found:
            held(wanted[page.path], page)


async def test_a_filter_leaves_what_passes_and_its_parts_sum_up(asked: Asked) -> None:
    made = visits(3, count=150, first="2026-03-02", days=9, zone="Europe/Berlin")
    write(asked, made, zone="Europe/Berlin")
    where = scope()
    whole = await asked_of(asked, where)
    for always in ALWAYS:
        assert await asked_of(asked, where, filter=always) == whole
    for source in {source for _, source in CHANNELS}:
        wanted = counted([one for one in made if one.facts["source"] == source])
        found = await asked_of(asked, where, filter=Is(field="source", value=source))
        assert {page.path for page in found} == wanted.keys()
        for page in found:
            held(wanted[page.path], page)
    organic = Is(field="channel", value="Organic Search")
    parts = [await asked_of(asked, where, filter=one) for one in (organic, Not(filter=organic))]
    for page in whole:
        same = [one for part in parts for one in part if one.path == page.path]
        assert sum(one.page_views for one in same) == page.page_views
        assert sum(one.entries for one in same) == page.entries
        assert page.visitors <= page.page_views


async def test_pages_come_in_any_order_and_a_few_at_a_time(asked: Asked) -> None:
    write(asked, visits(5, count=40, first="2026-03-02", days=3, zone="Europe/Berlin"), zone="Europe/Berlin")
    by_path = sorted(await asked_of(asked, scope()), key=lambda page: page.path.encode())
    for filter_, figure, is_descending in [
        *((None, figure, number % 2 == 0) for number, figure in enumerate(PageFigure)),
        (ALWAYS[0], PageFigure.PATH, True),
        (ALWAYS[0], PageFigure.VISITORS, True),
    ]:
        seen: list[PageItem] = []
        question = PagesAsked(order=figure, is_descending=is_descending, filter=filter_, limit=2)
        while True:
            found = await asked.queries.page_list(scope(), question)
            seen += found.pages
            if found.next_cursor is None:
                break
            assert len(found.pages) == 2
            question = msgspec.structs.replace(question, cursor=found.next_cursor)
        places = partial(_place, figure=figure)
        assert seen == sorted(by_path, key=places, reverse=is_descending), figure


def _place(page: PageItem, *, figure: PageFigure) -> Any:
    value = getattr(page, figure)
    return value.encode() if isinstance(value, str) else value


async def test_pages_without_a_view_come_where_their_figures_are(asked: Asked) -> None:
    """Sessions that entered by pages whose views are of another day."""
    write(asked, visits(5, count=40, first="2026-03-02", days=3, zone="Europe/Berlin"), zone="Europe/Berlin")
    viewed = await asked_of(asked, scope())
    unseen = ("/", "/0", "/zz")
    asked.sessions(
        *(
            {"session_id": some_uuid(), "at": ms("2026-03-03T10:00Z"), "entry_path": path, "exit_path": path}
            for path in unseen
        )
    )
    every = await asked_of(asked, scope())
    assert {page.path for page in every} - {page.path for page in viewed} == {"/0", "/zz"} - {
        page.path for page in viewed
    }
    by_path = sorted(every, key=lambda page: page.path.encode())
    for figure in (PageFigure.PAGE_VIEWS, PageFigure.SCROLL_DEPTH, PageFigure.ENGAGED_S_PER_VIEW):
        wanted = sorted(by_path, key=partial(_place, figure=figure), reverse=True)
        for limit in range(1, len(every) + 2):
            found: list[PageItem] = []
            question = PagesAsked(order=figure, limit=limit)
            while True:
                answer = await asked.queries.page_list(scope(), question)
                found += answer.pages
                if answer.next_cursor is None:
                    break
                question = msgspec.structs.replace(question, cursor=answer.next_cursor)
            assert found == wanted, (figure, limit)


async def test_pages_that_were_not_shown_last_time_have_their_sessions_too(asked: Asked) -> None:
    write(asked, visits(5, count=40, first="2026-03-02", days=3, zone="Europe/Berlin"), zone="Europe/Berlin")
    question = PagesAsked(limit=2)
    before = (await asked.queries.page_list(scope(), question)).pages
    views = [{"path": "/new", "at": ms("2026-03-03T10:00Z"), "visitor_id": "n"}] * (before[0].page_views + 1)
    asked.events(*views)
    asked.sessions(
        *(
            {"session_id": some_uuid(), "at": ms("2026-03-03T10:00Z"), "entry_path": path, "exit_path": path}
            for path in ("/new", before[0].path)
        )
    )
    after = (await asked.queries.page_list(scope(), question)).pages
    assert [page.path for page in after] == ["/new", before[0].path]
    assert [page.entries for page in after] == [1, before[0].entries + 1]
    assert (await asked.queries.page_list(scope(), question)).pages == after


async def test_visitors_of_a_page_that_nothing_came_to_are_told_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(asked, visits(5, count=40, first="2026-03-02", days=3, zone="Europe/Berlin"), zone="Europe/Berlin")
    statements = listened(asked, monkeypatch)
    before = await asked_of(asked, scope())
    merged = sum("Merge(12)" in sql for sql in statements)
    assert await asked_of(asked, scope()) == before
    assert sum("Merge(12)" in sql for sql in statements) == merged == 1
    page = before[0].path
    asked.events(
        {"event_type": "page_view", "path": page, "at": ms("2026-03-03T10:00Z"), "visitor_id": "new"}
    )
    after = await asked_of(asked, scope())
    assert sum("Merge(12)" in sql for sql in statements) == 2
    wanted = {one.path: one.visitors + (one.path == page) for one in before}
    assert {one.path: one.visitors for one in after} == wanted


async def test_no_event_no_page(asked: Asked) -> None:
    for filter_ in (None, ALWAYS[0]):
        found = await asked.queries.page_list(scope(), PagesAsked(filter=filter_))
        assert (found.pages, found.next_cursor) == ([], None)
    asked.events({"path": "/clicked", "event_type": "click"})
    assert await asked_of(asked, scope()) == []


async def test_a_session_over_midnight_is_filtered_with_its_beginning(asked: Asked) -> None:
    """Gold knows the day of an event alone: without a filter a page view counts on the day it happened."""
    at_night = {"session_id": some_uuid(), "visitor_id": "night"}
    asked.events(
        {**at_night, "path": "/late", "at": "2026-03-10T22:59Z"},
        {**at_night, "path": "/early", "at": "2026-03-10T23:01Z"},
    )
    ends = {"entry_path": "/late", "exit_path": "/early"}
    asked.sessions({**at_night, **ends, "at": "2026-03-10T22:59Z", "page_views": 2, "is_bounce": 0})
    tenth = scope(since="2026-03-10", until="2026-03-11")
    eleventh = scope(since="2026-03-11", until="2026-03-12")
    pages = await asked_of(asked, tenth)
    assert [(page.path, page.page_views, page.exits) for page in pages] == [("/late", 1, 0), ("/early", 0, 1)]
    pages = await asked_of(asked, tenth, filter=ALWAYS[0])
    assert [(page.path, page.page_views, page.exits) for page in pages] == [("/early", 1, 1), ("/late", 1, 0)]
    assert [page.path for page in await asked_of(asked, eleventh)] == ["/early"]
    assert await asked_of(asked, eleventh, filter=ALWAYS[0]) == []


async def test_a_session_that_was_taken_back_enters_nothing(asked: Asked) -> None:
    asked.events({"path": "/a"})
    first = asked.sessions({"entry_path": "/a", "exit_path": "/a"})
    asked.insert([retracted(row, block()) for row in first])
    (page,) = await asked_of(asked, scope())
    assert (page.page_views, page.entries, page.exits) == (1, 0, 0)
    assert await asked_of(asked, scope(), filter=ALWAYS[0]) == []


async def test_any_field_can_be_filtered_by(asked: Asked) -> None:
    write(asked, visits(5, count=40, first="2026-03-02", days=3, zone="Europe/Berlin"), zone="Europe/Berlin")
    for filter_ in (
        Is(field="visitor_id", value="v1"),
        OneOf(field="entry_path", values=["/", "/a"]),
        Is(field="property.x", value="0.5"),
        IsNot(field="title", value="' OR 1=1 --"),
        Is(field="user.plan", value="{site:String}"),
    ):
        both = [await asked_of(asked, scope(), filter=one) for one in (filter_, Not(filter=filter_))]
        assert any(both), filter_


@pytest.mark.parametrize("filter_", [Is(field="1) OR (1", value=""), Matches(field="path", value="(")])
async def test_what_is_no_field_or_no_expression_is_refused(asked: Asked, filter_: Filter) -> None:
    asked.events({"path": "/a"})
    asked.sessions({})
    with pytest.raises(QueryError):
        await asked.queries.page_list(scope(), PagesAsked(filter=filter_))
