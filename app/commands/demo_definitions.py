"""The funnels and goals that the demo's sites begin with, stored as operators store theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from views.definitions import Definitions
from views.funnels.model import FUNNEL, FunnelDefinition, FunnelStep
from views.goals import GOAL, GoalDefinition
from views.stats.model import Is

_SIGNED_UP = Is(field="goal", value="signup")
_SUBSCRIBED = Is(field="goal", value="newsletter")

#: Site -> kind -> id -> definition.
DEFINED: Mapping[str, Mapping[Any, Mapping[str, Any]]] = {
    "shop": {
        FUNNEL: {
            "checkout": FunnelDefinition(
                title="Checkout",
                steps=[
                    FunnelStep(title="Product", page="/products/*"),
                    FunnelStep(title="Cart", page="/cart"),
                    FunnelStep(title="Address", page="/checkout"),
                    FunnelStep(title="Shipping", page="/checkout/shipping"),
                    FunnelStep(title="Payment", page="/checkout/payment"),
                    FunnelStep(title="Purchase", event="$purchase"),
                ],
            )
        },
        GOAL: {
            "purchase": GoalDefinition(title="Purchase", event="$purchase"),
            "add_to_cart": GoalDefinition(title="Put into the cart", event="add_to_cart"),
            "checkout": GoalDefinition(title="Began the checkout", page="/checkout"),
        },
    },
    "blog": {
        FUNNEL: {
            "newsletter": FunnelDefinition(
                title="Newsletter",
                steps=[
                    FunnelStep(title="Article", page="/posts/*"),
                    FunnelStep(title="Saw the box", event="$exposure"),
                    FunnelStep(title="Subscribed", event="$goal", filter=_SUBSCRIBED),
                ],
            )
        },
        GOAL: {
            "newsletter": GoalDefinition(title="Newsletter", event="$goal", filter=_SUBSCRIBED),
            "share": GoalDefinition(title="Article shared", event="share"),
        },
    },
    "saas": {
        FUNNEL: {
            "signup": FunnelDefinition(
                title="Sign-up",
                steps=[
                    FunnelStep(title="Pricing", page="/pricing"),
                    FunnelStep(title="Form", page="/signup"),
                    FunnelStep(title="Account", event="$goal", filter=_SIGNED_UP),
                    FunnelStep(title="First roster", event="roster_created"),
                ],
            )
        },
        GOAL: {
            "signup": GoalDefinition(
                title="Sign-up", event="$goal", filter=_SIGNED_UP, value=29, currency="USD"
            ),
            "roster_published": GoalDefinition(title="Roster published", event="roster_published"),
        },
    },
}


async def define(definitions: Definitions, *, now_ms: int) -> None:
    """Store them that were never there: what an operator changed or deleted stays so."""
    for site_id, kinds in DEFINED.items():
        for kind, wanted in kinds.items():
            for named, body in wanted.items():
                if not await definitions.was_ever(kind, site_id=site_id, definition_id=named):
                    await definitions.create(kind, body, site_id=site_id, definition_id=named, now_ms=now_ms)
