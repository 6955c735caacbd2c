"""(source, medium, campaign, kind of place) -> marketing channel, by rules in order; the first that holds.

The order and the rules are those of Google Analytics 4's published default channel group, with AI Assistants
before Organic Search.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from app.events.vocabulary import Channel, SourceKind


class Visit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules look at, in lower case; ``kind`` is that of the source, ``is_paid`` the medium's."""

    source: str
    medium: str
    campaign: str
    kind: SourceKind
    is_paid: bool
    is_direct: bool


_PAID = re.compile(r"(?:.*cp.*|ppc|retargeting|paid.*)")
_SHOP_CAMPAIGN = re.compile(r"(?:.*(?:[^a-df-z]|^)shop|shopping).*")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail", "newsletter"})
_REFERRAL = frozenset({"referral", "app", "link"})
_PUSH = frozenset({"push", "mobile", "notification"})


def is_paid(medium: str) -> bool:
    """Whether a medium (lower case) says that the click was paid for."""
    return _PAID.fullmatch(medium) is not None


def _is_shopping(visit: Visit) -> bool:
    return visit.kind is SourceKind.SHOPPING or _SHOP_CAMPAIGN.fullmatch(visit.campaign) is not None


def _is_push(visit: Visit) -> bool:
    return visit.medium.endswith("push") or visit.medium in _PUSH or visit.source == "firebase"


RULES: tuple[tuple[Channel, Callable[[Visit], bool]], ...] = (
    (Channel.CROSS_NETWORK, lambda v: "cross-network" in v.campaign),
    (Channel.PAID_SHOPPING, lambda v: v.is_paid and _is_shopping(v)),
    (Channel.PAID_SEARCH, lambda v: v.is_paid and v.kind is SourceKind.SEARCH),
    (Channel.PAID_SOCIAL, lambda v: v.is_paid and v.kind is SourceKind.SOCIAL),
    (Channel.PAID_SOCIAL, lambda v: v.medium in {"paid_social", "paid-social", "paidsocial"}),
    (Channel.PAID_VIDEO, lambda v: v.is_paid and v.kind is SourceKind.VIDEO),
    (Channel.PAID_VIDEO, lambda v: v.medium in {"paid_video", "paid-video", "paidvideo"}),
    (Channel.DISPLAY, lambda v: v.medium in _DISPLAY),
    (Channel.PAID_OTHER, lambda v: v.is_paid),
    (Channel.ORGANIC_SHOPPING, _is_shopping),
    (Channel.ORGANIC_SOCIAL, lambda v: v.kind is SourceKind.SOCIAL or v.medium in _SOCIAL),
    (Channel.ORGANIC_VIDEO, lambda v: v.kind is SourceKind.VIDEO or "video" in v.medium),
    (Channel.AI_ASSISTANTS, lambda v: v.kind is SourceKind.AI_ASSISTANT),
    (Channel.ORGANIC_SEARCH, lambda v: v.kind is SourceKind.SEARCH or v.medium == "organic"),
    (Channel.EMAIL, lambda v: v.kind is SourceKind.EMAIL or v.source in _EMAIL or v.medium in _EMAIL),
    (Channel.AFFILIATES, lambda v: v.medium in {"affiliate", "affiliates"}),
    (Channel.AUDIO, lambda v: v.medium == "audio"),
    (Channel.SMS, lambda v: v.source == "sms" or v.medium == "sms"),
    (Channel.MOBILE_PUSH, _is_push),
    (Channel.REFERRAL, lambda v: v.medium in _REFERRAL or not v.is_direct),
    (Channel.DIRECT, lambda _: True),
)


def channel_of(visit: Visit) -> Channel:
    """The channel of the first rule that holds."""
    return next(channel for channel, holds in RULES if holds(visit))
