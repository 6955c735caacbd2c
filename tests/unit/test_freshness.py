"""When the latest event was written is looked up by one question for those beside it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.answering import scope
from views.freshness import HOLDS_S, MOST, Freshness
from views.params import Scope

pytestmark = pytest.mark.asyncio


class Reader:
    """Answers what it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.told: str | Exception = "2026-03-01T00:00:00Z"
        self.asked = 0

    async def rows(self, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        assert name == "freshness"
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.told, Exception):
            raise self.told
        return [{"as_of": self.told}]


def of_site(site_id: str) -> Scope:
    return msgspec.structs.replace(scope("shop", "2026-03-01", "2026-03-02"), site_id=site_id)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def freshness(reader: Any, clock: Clock) -> Freshness:
    return Freshness(reader, elapsed_s=clock)


async def test_questions_at_the_same_time_look_once(freshness: Freshness, reader: Reader) -> None:
    found = await asyncio.gather(*(freshness.as_of(scope()) for _ in range(5)))
    assert found == ["2026-03-01T00:00:00Z"] * 5
    assert reader.asked == 1


async def test_each_site_and_each_period_is_looked_up(freshness: Freshness, reader: Reader) -> None:
    await freshness.as_of(scope("shop", "2026-03-01", "2026-03-02"))
    await freshness.as_of(scope("shop", "2026-03-01", "2026-03-03"))
    await freshness.as_of(of_site("other"))
    assert reader.asked == 3


async def test_a_look_holds_for_a_second(freshness: Freshness, reader: Reader, clock: Clock) -> None:
    before = await freshness.as_of(scope())
    reader.told = "2026-03-01T00:00:09Z"
    clock.now += HOLDS_S
    assert await freshness.as_of(scope()) == before
    clock.now += 0.1
    assert await freshness.as_of(scope()) == "2026-03-01T00:00:09Z"


async def test_that_there_is_nothing_is_not_remembered(freshness: Freshness, reader: Reader) -> None:
    reader.told = ""
    assert await freshness.as_of(scope()) is None
    reader.told = "2026-03-01T00:00:09Z"
    assert await freshness.as_of(scope()) == "2026-03-01T00:00:09Z"


async def test_a_failure_is_told_to_everybody_who_waits_and_not_remembered(
    freshness: Freshness, reader: Reader
) -> None:
    reader.told = RuntimeError("away")
    found = await asyncio.gather(*(freshness.as_of(scope()) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in found] == ["away"] * 3
    reader.told = "2026-03-01T00:00:09Z"
    assert await freshness.as_of(scope()) == "2026-03-01T00:00:09Z"


async def test_who_goes_away_does_not_take_the_answer_of_others(freshness: Freshness) -> None:
    first = asyncio.create_task(freshness.as_of(scope()))
    second = asyncio.create_task(freshness.as_of(scope()))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "2026-03-01T00:00:00Z"


async def test_the_oldest_looks_are_forgotten(freshness: Freshness, reader: Reader) -> None:
    for number in range(MOST + 1):
        await freshness.as_of(of_site(f"site{number}"))
    await freshness.as_of(of_site(f"site{MOST}"))
    assert reader.asked == MOST + 1
    await freshness.as_of(of_site("site0"))
    assert reader.asked == MOST + 2
