"""What funnels earned while currencies are guessed beside them: the answer is right, whatever the guess."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.currency_settings import CurrencySettings
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from views.funnels.model import FunnelAsked, FunnelConversion, FunnelDefinition
from views.queries import Queries

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

T = ms("2026-03-10T12:00Z")
PAGES = [{"title": page, "page": page} for page in ("/a", "/b")]
RATES = {"currencies": CurrencySettings(base="EUR", rates={"USD": "0.5", "JPY": "0.01"})}


def paid(amount: float, currency: str, **changes: Any) -> dict[str, Any]:
    return {"path": "/a", "at": T, "revenue": amount, "currency": currency, **changes}


async def told(queries: Queries, **of: Any) -> FunnelConversion:
    definition = msgspec.convert({"title": "Funnel", "steps": PAGES, "window": "7d"}, FunnelDefinition)
    return await queries.funnel_of(scope(**of), definition=definition, funnel_id="it", asked=FunnelAsked())


def earned(found: FunnelConversion) -> tuple[float, str, list[str]]:
    return found.steps[0].revenue, found.currency, found.currencies_left_out


@pytest.mark.parametrize(
    ("first", "then", "before", "after"),
    [
        ([], [paid(3, "EUR")], (0, "EUR", []), (3, "EUR", [])),
        ([], [paid(3, "USD")], (0, "EUR", []), (1.5, "EUR", [])),
        ([paid(3, "EUR")], [paid(4, "USD")], (3, "EUR", []), (5, "EUR", [])),
        ([paid(4, "USD")], [paid(100, "JPY")], (2, "EUR", []), (3, "EUR", [])),
        ([paid(4, "USD")], [paid(4, "USD", at=T + 86_400_000)], (2, "EUR", []), (4, "EUR", [])),
        ([paid(4, "GBP")], [paid(1, "")], (0, "EUR", ["GBP"]), (1, "EUR", ["GBP"])),
        ([paid(3, "EUR")], [paid(4, "GBP")], (3, "EUR", []), (3, "EUR", ["GBP"])),
    ],
)
async def test_what_is_given_anew_has_its_own_worth(
    asked: Asked, first: list[Any], then: list[Any], before: Any, after: Any
) -> None:
    queries = Queries(asked.pool, settings=asked.settings.model_copy(update=RATES))
    asked.events({"path": "/a", "at": T}, *first)
    assert earned(await told(queries)) == earned(await told(queries)) == before
    asked.events(*then)
    assert earned(await told(queries)) == earned(await told(queries)) == after


async def test_without_a_base_a_second_currency_leaves_none_that_is_summed(asked: Asked) -> None:
    asked.events(paid(3, "EUR"))
    assert earned(await told(asked.queries)) == (3, "EUR", [])
    asked.events(paid(4, "USD"))
    assert earned(await told(asked.queries)) == (0, "", ["EUR", "USD"])


async def test_of_other_days_rates_are_those_of_their_own(asked: Asked) -> None:
    asked.events(paid(3, "EUR", at=ms("2026-02-10T12:00Z")), paid(4, "USD"))
    queries = Queries(asked.pool, settings=asked.settings.model_copy(update=RATES))
    february = {"since": "2026-02-01", "until": "2026-03-01"}
    for _ in range(2):
        assert earned(await told(queries, **february)) == (3, "EUR", [])
        assert earned(await told(queries)) == (2, "EUR", [])


async def test_walks_are_asked_once_more_only_where_the_guess_was_wrong(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = listened(asked, monkeypatch)

    async def walks() -> int:
        statements.clear()
        await told(asked.queries)
        return sum("AS reached" in sql for sql in statements)

    asked.events(paid(3, "EUR"))
    assert [await walks(), await walks()] == [1, 1]
    asked.events(paid(4, "USD"))
    assert [await walks(), await walks()] == [2, 1]
