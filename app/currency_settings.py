"""What one unit of each currency is worth, as app.settings reads it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Worth = Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12)]


class CurrencySettings(BaseModel):
    """The currency that revenue is told in, and units of it for one of another: always, or from days on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    rates: dict[Code, Worth | dict[date, Worth]] = {}

    @model_validator(mode="after")
    def _has_a_base(self) -> CurrencySettings:
        if self.rates and not self.base:
            raise ValueError("rates need `base`, the currency that they lead to")
        if self.base in self.rates:
            raise ValueError("`base` has no rate: one unit of it is one")
        return self
