"""(URL, referrer) -> where a visit came from: source, medium, campaign, channel."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec

from app.core.channels import NO_RULES, ChannelRules, Visit, channel_of, is_paid
from app.core.clicks import CLICKS
from app.core.hosts import Place, is_below, place_named, place_of, place_of_app
from app.core.pages import query_of, read_address
from app.core.payments import PAYMENT_HOSTS
from app.events.enriched import Traffic
from app.events.vocabulary import SourceKind

#: Referrers, and pairs of tags and referrer, remembered; most are the same few.
CACHED = 4096
MAX_VALUE = 256

_APP = "android-app://"
_BAD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_NOT_GIVEN = frozenset({"(direct)", "(none)", "(not set)"})
_TAGS = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", *CLICKS})
_NOWHERE = Place(SourceKind.OTHER, "")
#: The medium of a visit that names none.
_MEDIUM = {SourceKind.SEARCH: "organic", SourceKind.SOCIAL: "social", SourceKind.EMAIL: "email"}


class Referral(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page or an app that linked here. ``host`` is without port, empty for an app; ``shown`` is kept."""

    host: str
    shown: str
    place: Place
    term: str = ""


class Tags(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the URL says of the campaign; of click ids their names only, for each value is another."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    clicks: tuple[str, ...] = ()


_NO_TAGS = Tags()


def classify_traffic(
    *, url: str, referrer: str, own_domains: AbstractSet[str], rules: ChannelRules = NO_RULES
) -> Traffic:
    """Where the visit of ``url`` came from; its channel by the site's ``rules``, or else the published ones.

    Campaign parameters come first, then a click id of an ad network, then the referrer. A referrer on one of
    ``own_domains``, or below one, is none; ``www.`` and ports make no difference there. Nor is a payment
    provider one: the buyer comes back. Source and medium are in lower case; a source that is a known host is
    called by its name (``chatgpt.com`` -> ``chatgpt``).
    """
    query = query_of(url)
    tags = _tags(query) if query else _NO_TAGS
    referral = _referral(referrer) if referrer else None
    if referral is not None and (
        is_below(referral.host, _normal(frozenset(own_domains))) or is_below(referral.host, PAYMENT_HOSTS)
    ):
        referral = None
    return _traffic(tags, referral, rules)


def linking_host(referrer: str) -> str:
    """The host of the page that linked here; empty for an app, and for what is no page's URL."""
    referral = _referral(referrer)
    return referral.host if referral else ""


@lru_cache(maxsize=CACHED)
def _referral(referrer: str) -> Referral | None:
    """What linked here; None for a referrer that is no URL of a page or an app."""
    if referrer[: len(_APP)].lower() == _APP:
        package = _clean(referrer[len(_APP) :].partition("/")[0]).lower()[:MAX_VALUE]
        return Referral(host="", shown=package, place=place_of_app(package)) if package else None
    try:
        address = read_address(referrer)
    except ValueError:
        return None
    place = place_of(address.host)
    asked = _asked(address.query, frozenset(place.terms))
    term = next((asked[name] for name in place.terms if asked.get(name)), "")
    return Referral(host=address.host, shown=address.host + address.port, place=place, term=term)


@lru_cache(maxsize=CACHED)
def _normal(domains: frozenset[str]) -> frozenset[str]:
    bare = (re.sub(r":\d+$", "", domain.strip().lower()).strip(".") for domain in domains)
    return frozenset(domain.removeprefix("www.") for domain in bare if domain)


@lru_cache(maxsize=CACHED)
def _traffic(tags: Tags, referral: Referral | None, rules: ChannelRules) -> Traffic:
    place, network, ad_medium = _origin(tags, referral)
    medium = tags.medium or ad_medium
    source = place.name if "." in tags.source else tags.source or place.name
    told_medium = medium or _usual_medium(place, is_named=bool(tags.source))
    own = rules.channel(
        source=source,
        medium=told_medium,
        campaign=tags.campaign.lower(),
        referrer=referral.host if referral else "",
    )
    channel = own or channel_of(
        Visit(
            source=tags.source or place.name,
            medium=medium,
            campaign=tags.campaign.lower(),
            kind=place.kind,
            is_paid=is_paid(tags.medium) or is_paid(ad_medium),
        )
    )
    return Traffic(
        channel=channel,
        source=source,
        medium=told_medium,
        campaign=tags.campaign,
        term=tags.term or (referral.term if referral else ""),
        content=tags.content,
        referrer_host=referral.shown if referral else "",
        click_id=network,
    )


def _origin(tags: Tags, referral: Referral | None) -> tuple[Place, str, str]:
    """The place a visit came from, the network of its click id, and the medium of an advertisement.

    A click id needs its network: it says nothing of a visit from elsewhere, whose link was copied with it.
    """
    linked = referral.place if referral else _NOWHERE
    place = place_named(tags.source) if tags.source else linked
    clicks = [CLICKS[name] for name in tags.clicks]
    for click in clicks:
        if place.name in click.sold_on:
            return place, click.network, click.medium
    if not clicks:
        return place, "", ""
    click = clicks[0]
    # An ad on a publisher's page, or on one that hides where its links lead from.
    is_ad_elsewhere = bool(click.medium) and place.kind in {SourceKind.OTHER, SourceKind.NEWS}
    if not tags.source and (referral is None or is_ad_elsewhere):
        return place_named(click.network), click.network, click.medium
    return place, click.network, ""


def _usual_medium(place: Place, *, is_named: bool) -> str:
    """The medium of a visit that names none: of the place; empty where nothing is known."""
    if not place.name or (is_named and place.kind is SourceKind.OTHER):
        return ""
    return _MEDIUM.get(place.kind, "referral")


def _tags(query: str) -> Tags:
    told = _asked(query, _TAGS)
    return Tags(
        source=_named(told.get("utm_source", "")),
        medium=_named(told.get("utm_medium", "")),
        campaign=told.get("utm_campaign", ""),
        term=told.get("utm_term", ""),
        content=told.get("utm_content", ""),
        clicks=tuple(name for name in CLICKS if told.get(name)),
    )


def _asked(query: str, names: AbstractSet[str]) -> dict[str, str]:
    """Those of ``names`` that a query has, in lower case; of several the first that says something."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = name.lower()
        if value and name in names and not found.get(name):
            found[name] = clean_value(value)
    return found


def _named(value: str) -> str:
    """A source or medium in lower case; empty for what Google Analytics writes where there is none."""
    name = value.lower()[:MAX_VALUE]
    return "" if name in _NOT_GIVEN else name


def clean_value(value: str) -> str:
    """The value of a parameter as it is kept; empty for one that says nothing."""
    return _clean(unquote_plus(value))


def _clean(value: str) -> str:
    return _BAD.sub(" ", value).strip()[:MAX_VALUE]
