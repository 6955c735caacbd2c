"""Amounts as they were given -> one currency, by the operator's rates; what has no rate is told apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from app.currency_settings import CurrencySettings


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a currency, on a day of the site; no currency: that of the answer."""

    currency: str
    day: date
    amount: Decimal


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` in ``currency``; ``unconverted``: what has no rate, by currency."""

    currency: str
    amount: Decimal
    unconverted: dict[str, Decimal]


class Rates:
    """The rates for one answer.

    Without ``currencies.base`` the answer is in the only currency that was given; where there are more, in
    none, and each is told apart.
    """

    def __init__(self, settings: CurrencySettings, *, given: Iterable[str]) -> None:
        named = {currency for currency in given if currency}
        self.currency = settings.base or (named.pop() if len(named) == 1 else "")
        self._rates = settings.rates

    def rate(self, currency: str, day: date) -> Decimal | None:
        """What one unit was worth on the day: by the latest rate up to it. None where there is none."""
        if currency in ("", self.currency):
            return Decimal(1)
        found = self._rates.get(currency)
        if not isinstance(found, dict):
            return found
        days = [one for one in found if one <= day]
        return found[max(days)] if days else None

    def summed(self, amounts: Iterable[Amount]) -> Money:
        """The sum, exact; each amount by the rate of its day."""
        total, apart = Decimal(0), dict[str, Decimal]()
        for one in amounts:
            rate = self.rate(one.currency, one.day)
            if rate is None:
                apart[one.currency] = apart.get(one.currency, Decimal(0)) + one.amount
            else:
                total += one.amount * rate
        return Money(currency=self.currency, amount=total, unconverted=dict(sorted(apart.items())))
