"""Funnels, as app.settings reads them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FunnelStep(BaseModel):
    """One step: a page pattern or an event name, exactly one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    page: str = ""
    event: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> FunnelStep:
        if bool(self.page) == bool(self.event):
            raise ValueError("expected exactly one of `page` and `event`")
        return self


class FunnelSettings(BaseModel):
    """An ordered funnel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    window_ms: int = Field(86_400_000, ge=1000)
    steps: tuple[FunnelStep, ...] = Field(min_length=2, max_length=20)


CHECKOUT = FunnelSettings(
    title="Checkout",
    steps=(
        FunnelStep(title="Product", page="/products/*"),
        FunnelStep(title="Cart", page="/cart"),
        FunnelStep(title="Checkout", page="/checkout"),
        FunnelStep(title="Purchase", event="$purchase"),
    ),
)
