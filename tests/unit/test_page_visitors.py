"""Visitors of pages are remembered by what the rows of a page sum to, for a while."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.answering import scope
from views import remembered
from views.page_visitors import PageVisitors
from views.params import Bots
from views.remembered import HOLDS_S, SUMS

pytestmark = pytest.mark.asyncio


class Reader:
    """Tells of any page what it is given, and keeps which pages it was asked for."""

    database = "d"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def ask(self, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(values["pages"])
        return [{**row(path), "visitors": len(path)} for path in values["pages"]]


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


def row(path: str, **changed: int) -> dict[str, Any]:
    return {"path": path, **dict.fromkeys(SUMS, 3), **changed}


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(reader: Any, clock: Clock) -> PageVisitors:
    return PageVisitors(reader, elapsed_s=clock)


async def test_only_pages_that_are_not_known_are_asked_for(visitors: PageVisitors, reader: Reader) -> None:
    assert await visitors.of(scope(), [row("/"), row("/a")]) == {"/": 1, "/a": 2}
    assert await visitors.of(scope(), [row("/a"), row("/bc")]) == {"/a": 2, "/bc": 3}
    assert await visitors.of(scope(), [row("/a"), row("/")]) == {"/a": 2, "/": 1}
    assert reader.asked == [["/", "/a"], ["/bc"]]


@pytest.mark.parametrize("name", SUMS)
async def test_another_sum_is_another_page(visitors: PageVisitors, reader: Reader, name: str) -> None:
    await visitors.of(scope(), [row("/")])
    await visitors.of(scope(), [row("/", **{name: 4})])
    assert reader.asked == [["/"], ["/"]]


async def test_a_page_without_a_view_has_no_visitor(visitors: PageVisitors, reader: Reader) -> None:
    assert await visitors.of(scope(), [row("/", page_views=0)]) == {}
    assert not reader.asked


async def test_sites_periods_and_kinds_of_traffic_are_told_apart(
    visitors: PageVisitors, reader: Reader
) -> None:
    for one in (
        scope(),
        msgspec.structs.replace(scope(), site_id="other"),
        scope(bots=Bots.ONLY),
        scope(until="2026-03-31"),
    ):
        await visitors.of(one, [row("/")])
    assert len(reader.asked) == 4


async def test_an_estimate_is_looked_at_anew_after_a_while(
    visitors: PageVisitors, reader: Reader, clock: Clock
) -> None:
    await visitors.of(scope(), [row("/")])
    clock.now += HOLDS_S
    await visitors.of(scope(), [row("/")])
    assert len(reader.asked) == 1
    clock.now += 1
    await visitors.of(scope(), [row("/")])
    assert len(reader.asked) == 2


async def test_the_oldest_are_forgotten(
    visitors: PageVisitors, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    await visitors.of(scope(), [row("/"), row("/a"), row("/b")])
    reader.asked.clear()
    assert await visitors.of(scope(), [row("/b"), row("/a")]) == {"/b": 2, "/a": 2}
    assert not reader.asked
    await visitors.of(scope(), [row("/")])
    assert reader.asked == [["/"]]
