"""(source, medium, campaign, kind of place) -> marketing channel, by rules in order; the first that holds.

A site's own rules come first; they go by what is told of a visit.

The order and the rules are those of Google Analytics 4's published default channel group, with AI Assistants
before Organic Search. A visit that those rules would leave without a channel is a Referral here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate

import msgspec

from app.core.hosts import is_below
from app.events.vocabulary import Channel, SourceKind


class Visit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules look at, in lower case; ``kind`` is that of the source.

    ``is_paid``: the medium says so, or a click id that its network adds to advertisements only.
    """

    source: str = ""
    medium: str = ""
    campaign: str = ""
    kind: SourceKind = SourceKind.OTHER
    is_paid: bool = False


class ChannelRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A site's own rule. All that it names has to hold; in lower case, ``*`` stands for any text.

    ``referrer`` is a host, and holds for those below it.
    """

    channel: Channel
    source: str = ""
    medium: str = ""
    campaign: str = ""
    referrer: str = ""


_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*", re.DOTALL)
#: "shop" after anything but a letter other than e: a shop or an e-shop, no workshop and no bishop.
_SHOP = re.compile(r"(?:^|[^a-df-z])shop|shopping")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail"})
_EMAIL_MEDIUM = _EMAIL | {"newsletter"}
_AFFILIATES = frozenset({"affiliate", "affiliates"})
#: TRICKY: the published rule is "contains mobile", which an automobile does too: a word has to begin there.
_PUSH = re.compile(r"push$|(?<![a-z])mobile|notification")


def is_paid(medium: str) -> bool:
    """Whether a medium (lower case) says that the click was paid for."""
    return _PAID.fullmatch(medium) is not None


def _is_shopping(visit: Visit) -> bool:
    return visit.kind is SourceKind.SHOPPING or _SHOP.search(visit.campaign) is not None


def _is_push(visit: Visit) -> bool:
    return _PUSH.search(visit.medium) is not None or visit.source == "firebase"


def _came_from_somewhere(visit: Visit) -> bool:
    return bool(visit.source or visit.medium or visit.campaign)


RULES: tuple[tuple[Channel, Callable[[Visit], bool]], ...] = (
    (Channel.CROSS_NETWORK, lambda v: "cross-network" in v.campaign),
    (Channel.PAID_SHOPPING, lambda v: v.is_paid and _is_shopping(v)),
    (Channel.PAID_SEARCH, lambda v: v.is_paid and v.kind is SourceKind.SEARCH),
    (Channel.PAID_SOCIAL, lambda v: v.is_paid and v.kind is SourceKind.SOCIAL),
    (Channel.PAID_VIDEO, lambda v: v.is_paid and v.kind is SourceKind.VIDEO),
    (Channel.DISPLAY, lambda v: v.medium in _DISPLAY),
    (Channel.PAID_OTHER, lambda v: v.is_paid),
    (Channel.ORGANIC_SHOPPING, _is_shopping),
    (Channel.ORGANIC_SOCIAL, lambda v: v.kind is SourceKind.SOCIAL or v.medium in _SOCIAL),
    (Channel.ORGANIC_VIDEO, lambda v: v.kind is SourceKind.VIDEO or "video" in v.medium),
    (Channel.AI_ASSISTANTS, lambda v: v.kind is SourceKind.AI_ASSISTANT),
    (Channel.ORGANIC_SEARCH, lambda v: v.kind is SourceKind.SEARCH or v.medium == "organic"),
    (Channel.EMAIL, lambda v: v.kind is SourceKind.EMAIL or v.source in _EMAIL or v.medium in _EMAIL_MEDIUM),
    (Channel.AFFILIATES, lambda v: v.medium in _AFFILIATES),
    (Channel.AUDIO, lambda v: v.medium == "audio"),
    (Channel.SMS, lambda v: v.source == "sms" or v.medium == "sms"),
    (Channel.MOBILE_PUSH, _is_push),
    (Channel.REFERRAL, _came_from_somewhere),
    (Channel.DIRECT, lambda _: True),
)


class ChannelRules:
    """A site's own rules, in order. Hashed once: what is remembered of visits is found by them."""

    def __init__(self, rules: Iterable[ChannelRule] = ()) -> None:
        self._rules = tuple(rules)
        self._hash = hash(self._rules)
        self._tests = tuple(
            (rule, _pattern(rule.source), _pattern(rule.medium), _pattern(rule.campaign))
            for rule in self._rules
        )

    def __iter__(self) -> Iterator[ChannelRule]:
        return iter(self._rules)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ChannelRules) and self._rules == other._rules)

    def __hash__(self) -> int:
        return self._hash

    def channel(self, *, source: str, medium: str, campaign: str, referrer: str) -> Channel | None:
        """The channel of the first rule that holds of a visit, in lower case; None where none does."""
        for rule, is_source, is_medium, is_campaign in self._tests:
            if (
                is_source(source)
                and is_medium(medium)
                and is_campaign(campaign)
                and (not rule.referrer or is_below(referrer, {rule.referrer}))
            ):
                return rule.channel
        return None


#: Of a site that has none.
NO_RULES = ChannelRules()


def _pattern(wanted: str) -> Callable[[str], object]:
    """Whether a text is what a rule names, where ``*`` alone is special; any text is where it names none."""
    return re.compile(translate(re.sub(r"[?[]", r"[\g<0>]", wanted or "*"))).match


def channel_of(visit: Visit) -> Channel:
    """The channel of the first rule that holds."""
    return next(channel for channel, holds in RULES if holds(visit))
