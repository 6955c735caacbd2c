"""Attribution and funnels agree with themselves over whatever a stream stated; what breaks that is found."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.visits import some_visit, tell
from views.agreement import analyses_agree
from views.attribution.model import AttributionAsked
from views.funnels.model import FUNNEL, FunnelConversion, FunnelDefinition
from views.goals import GOAL
from views.queries import Queries

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

DAYS = ("2026-03-25", "2026-04-02")
PERIOD = scope("shop", "2026-03-24", "2026-04-04")


def told(asked: Asked, *, count: int = 200, visitors: int = 60) -> None:
    dice = random.Random(count)
    since, until = (ms(f"{day}T00:00Z") for day in DAYS)
    visits = [some_visit(dice, since=since, until=until, visitors=visitors) for _ in range(count)]
    tell(asked, visits, dice, site="shop")


async def stored(asked: Asked, kind: Any, named: str, **body: Any) -> None:
    definition = msgspec.convert({"title": named, **body}, kind.body)
    await asked.queries.definitions.create(
        kind, definition, site_id="shop", definition_id=named, now_ms=ms("2026-04-04T00:00Z")
    )


async def found(queries: Queries) -> dict[str, str]:
    return {one.identity: one.difference async for one in analyses_agree(queries, PERIOD)}


async def test_they_hold_of_every_goal_and_funnel_that_is_stored(asked: Asked) -> None:
    told(asked)
    await stored(asked, GOAL, "bought", event="$purchase")
    await stored(asked, GOAL, "read", page="/docs/*", filter={"op": "is_not", "field": "name", "value": "x"})
    await stored(asked, GOAL, "priced", page_matches="pric")
    await stored(asked, GOAL, "looked", page="/pricing")
    await stored(
        asked, FUNNEL, "to-docs", steps=[{"title": "a", "page": "/"}, {"title": "b", "page": "/docs/*"}]
    )
    checked = await found(asked.queries)
    names = [f"goal {named}" for named in ("bought", "looked", "priced", "read")]
    funnels = ["funnel checkout", "funnel to-docs"]
    assert [name.partition(":")[0] for name in checked] == [*sorted([*names, *names]), *funnels]
    assert set(checked.values()) == {""}


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (0, ["funnel checkout"]),
        (200, ["conversions", "conversions", "funnel checkout", "funnel of the most viewed pages"]),
    ],
)
async def test_where_nothing_is_stored_what_was_done_is_asked_of(
    asked: Asked, count: int, names: list[str]
) -> None:
    told(asked, count=count)
    checked = await found(asked.queries)
    assert [name.partition(":")[0] for name in checked] == names
    assert set(checked.values()) <= {""}


async def test_where_nothing_converts_the_most_viewed_page_is_the_goal(asked: Asked) -> None:
    asked.sessions({"entry_path": "/a"})
    asked.events({"at": "2026-03-26T12:00Z"})
    period = msgspec.structs.replace(PERIOD, period=scope(since="2026-03-01").period)
    checked = {one.identity: one.difference async for one in analyses_agree(asked.queries, period)}
    assert [*checked] == [
        "views of /a: every model gives as much as there was",
        "views of /a: weights of one conversion sum to 1",
        "funnel checkout: step n + 1 <= step n",
    ]
    assert set(checked.values()) == {""}


class Generous(Queries):
    """Gives each key too much, but where one visitor is asked about; and tells funnels from their end."""

    async def attribution(self, scope: Any, asked: AttributionAsked) -> Any:
        answer = await super().attribution(scope, asked)
        if asked.filter is not None:
            return answer
        rows = [
            msgspec.structs.replace(
                row,
                models={
                    model: msgspec.structs.replace(
                        one, conversions=one.conversions + 0.5, revenue=one.revenue + 5
                    )
                    for model, one in row.models.items()
                },
            )
            for row in answer.rows
        ]
        return msgspec.structs.replace(answer, rows=rows)

    async def funnel_of(self, scope: Any, *, definition: FunnelDefinition, **asked: Any) -> FunnelConversion:
        answer = await super().funnel_of(scope, definition=definition, **asked)
        return msgspec.structs.replace(answer, steps=answer.steps[::-1])


class Forgetful(Queries):
    """Gives a single visitor's conversions to nobody."""

    async def attribution(self, scope: Any, asked: AttributionAsked) -> Any:
        answer = await super().attribution(scope, asked)
        return answer if asked.filter is None else msgspec.structs.replace(answer, rows=[])


async def test_what_is_given_too_much_and_steps_that_gain_are_found(asked: Asked) -> None:
    told(asked)
    checked = await found(Generous(asked.pool, settings=asked.settings))
    given = checked["conversions: every model gives as much as there was"]
    assert "first_touch gives conversions" in given
    assert "data_driven gives revenue" in given
    assert not checked["conversions: weights of one conversion sum to 1"]
    assert checked["funnel of the most viewed pages: step n + 1 <= step n"].startswith("[")


async def test_a_conversion_whose_weights_are_not_1_is_found(asked: Asked) -> None:
    told(asked)
    checked = await found(Forgetful(asked.pool, settings=asked.settings))
    assert "linear gives conversions 0" in checked["conversions: weights of one conversion sum to 1"]
    assert not checked["conversions: every model gives as much as there was"]
