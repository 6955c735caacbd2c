"""Properties that the product gives a meaning to, by event. Others are kept as they are.

Times are milliseconds, shares run from 0 to 1, depths from 0 to 100 %.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.events.vocabulary import EventType, ReservedName

Duration = Annotated[float, msgspec.Meta(ge=0, le=86_400_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Label = Annotated[str, msgspec.Meta(max_length=128)]
Text = Annotated[str, msgspec.Meta(max_length=512)]


class PageViewProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Navigation timings of the page that was loaded."""

    load_ms: Duration = 0
    ttfb_ms: Duration = 0


class WebVitalsProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Core web vitals; ``cls`` has no unit."""

    ttfb_ms: Duration = 0
    fcp_ms: Duration = 0
    lcp_ms: Duration = 0
    inp_ms: Duration = 0
    cls: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None


class PageLeaveProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Engaged time on the page since the last report of it, and the deepest scroll so far."""

    engaged_ms: Duration = 0
    scroll_depth: Percent = 0


class ScrollProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How deep the page was scrolled."""

    scroll_depth: Percent = 0


class ClickProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was clicked (element path, its text) and where, as a share of the page's width and height."""

    element: Text = ""
    text: Text = ""
    x: Share = 0
    y: Share = 0


class PurchaseProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order."""

    revenue: Annotated[float, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    currency: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{3})?$")] = ""
    order_id: Label = ""


class GoalProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A goal that was reached."""

    goal: Label = ""


class AliasProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Another user id of whom the event's ``user_id`` names; they are one person from then on, and before."""

    previous_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class OtherProperties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Properties without a meaning of their own."""


KnownProperties = (
    PageViewProperties
    | WebVitalsProperties
    | PageLeaveProperties
    | ScrollProperties
    | ClickProperties
    | PurchaseProperties
    | GoalProperties
    | AliasProperties
    | OtherProperties
)

#: What the properties of an event are read as: by reserved name first, then by type.
BY_NAME: dict[str, type[KnownProperties]] = {
    ReservedName.PAGE_LEAVE: PageLeaveProperties,
    ReservedName.WEB_VITALS: WebVitalsProperties,
    ReservedName.PURCHASE: PurchaseProperties,
    ReservedName.GOAL: GoalProperties,
    ReservedName.ALIAS: AliasProperties,
}
BY_TYPE: dict[str, type[KnownProperties]] = {
    EventType.PAGE_VIEW: PageViewProperties,
    EventType.SCROLL: ScrollProperties,
    EventType.CLICK: ClickProperties,
}
