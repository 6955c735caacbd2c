"""The currencies of a period -> their worths, looked up beside the walks, which are asked by a guess."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import msgspec

from app.currency_settings import CurrencySettings
from views.money import Rates
from views.params import Scope
from views.reading import Reader
from views.remembered import keep

#: ``EUR 2026-03-31`` -> what one unit is worth. None: each is worth one, and is not looked up.
Worths = Mapping[str, float] | None

#: Of how many sites it is remembered what was given last.
MOST_SITES = 256

_GIVEN_SQL = """
SELECT DISTINCT currency, local_date FROM {database}.user_behavior_silver
WHERE site_id = {{site:String}} AND local_date >= {{since:Date}} AND local_date < {{until:Date}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND revenue != 0
ORDER BY currency, local_date
"""


class Guess(msgspec.Struct, frozen=True):
    """What may be worth how much."""

    worths: Worths


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What was given in a period: the currency of the answer, those without a rate, and the worths."""

    currency: str
    left_out: list[str]
    worths: Worths
    is_anything: bool

    def holds(self, guess: Guess) -> bool:
        """Whether the guess gives every amount its worth."""
        is_one = self.worths is None or not self.is_anything
        return guess.worths == self.worths or (guess.worths is None and is_one)


class KnownCurrencies:
    """Looks up what was given, and remembers of each site the last of it."""

    def __init__(self, reader: Reader, settings: CurrencySettings) -> None:
        self._reader = reader
        self._settings = settings
        self._last: dict[str, tuple[Hashable, Given]] = {}

    def guess(self, scope: Scope) -> Guess | None:
        """What will be right for most; None where the site has rates, of days that are not remembered."""
        asked, last = self._last.get(scope.site_id, (None, None))
        if last is not None and asked == _asked(scope):
            return Guess(last.worths)
        return Guess(None) if last is None or last.worths is None or not last.is_anything else None

    async def given(self, scope: Scope) -> Given:
        """What was given in the period."""
        rows = await self._reader.ask(_GIVEN_SQL.format(database=self._reader.database), scope.by_day)
        rates = Rates(self._settings, given=(row["currency"] for row in rows))
        known = {(row["currency"], row["local_date"]): rates.rate(*row.values()) for row in rows}
        is_one = bool(known) and all(rate == 1 for rate in known.values())
        worths = {f"{currency} {day}": float(rate) for (currency, day), rate in known.items() if rate}
        given = Given(
            currency=rates.currency,
            left_out=sorted({currency for (currency, _), rate in known.items() if rate is None}),
            worths=None if is_one else worths,
            is_anything=bool(known),
        )
        keep(self._last, scope.site_id, (_asked(scope), given), most=MOST_SITES)
        return given


def _asked(scope: Scope) -> Hashable:
    return scope.bots, scope.period.since, scope.period.until
