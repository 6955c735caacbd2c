"""(URL, referrer) -> where a visit came from: source, medium, campaign, channel."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from app.core.channels import Visit, channel_of, is_paid
from app.core.hosts import Place, place_of, place_of_app
from app.core.pages import host_of, split_url
from app.events.enriched import Traffic
from app.events.vocabulary import Channel, SourceKind

#: Parameter of a click -> the network that adds it. It says who sent the visitor, its value who they are: the
#: value is not kept.
_CLICK_IDS = {
    "gclid": "google",
    "gbraid": "google",
    "wbraid": "google",
    "dclid": "google",
    "msclkid": "bing",
    "fbclid": "facebook",
    "ttclid": "tiktok",
    "twclid": "twitter",
    "li_fat_id": "linkedin",
    "rdt_cid": "reddit",
    "epik": "pinterest",
    "sccid": "snapchat",
    "yclid": "yandex",
}
#: These are added to paid clicks only. The others come with every click of the network.
_PAID_CLICK_IDS = frozenset({"gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "yclid"})
_MAX_VALUE = 256
#: utm_source values for places whose host is called otherwise.
_ALIASES = {"fb": "facebook.com", "ig": "instagram.com", "facebook": "facebook.com", "yt": "youtube.com"}


def classify_traffic(*, url: str, referrer: str, own_domains: AbstractSet[str]) -> Traffic:
    """Where the visit of ``url`` came from.

    Campaign parameters come first, then a paid click id, then the referrer. A referrer that is one of
    ``own_domains``, or below one, is none. Values are in lower case but for campaign, term and content.
    """
    return _classify(urlsplit_query(url), referrer, frozenset(own_domains))


def urlsplit_query(url: str) -> str:
    """The query of a URL; empty where it cannot be read."""
    try:
        return urlsplit(url).query
    except ValueError:
        return ""


@lru_cache(maxsize=16_384)
def _classify(query: str, referrer: str, own_domains: frozenset[str]) -> Traffic:
    asked = {name: value[:_MAX_VALUE] for name, value in parse_qsl(query, max_num_fields=None)}
    host, place, term = _referrer(referrer, own_domains)
    click = next((name for name in _CLICK_IDS if name in asked), "")
    network = _CLICK_IDS.get(click, "")
    source = asked.get("utm_source", "").strip().lower()
    medium = asked.get("utm_medium", "").strip().lower()
    if not source and click in _PAID_CLICK_IDS:
        source, medium = network, medium or "cpc"
    named = bool(source)
    if not source and place:
        source = place.name
    kind = _kind_of(source, network=network) if named else place.kind if place else SourceKind.OTHER
    campaign = asked.get("utm_campaign", "").strip()
    channel = channel_of(
        Visit(
            source=source,
            medium=medium,
            campaign=campaign.lower(),
            kind=kind,
            is_paid=is_paid(medium) or click in _PAID_CLICK_IDS,
            is_direct=not (source or medium or campaign),
        )
    )
    return Traffic(
        channel=channel,
        source=source,
        medium=medium or _medium_of(channel),
        campaign=campaign,
        term=asked.get("utm_term", "").strip() or term,
        content=asked.get("utm_content", "").strip(),
        referrer_host=host,
        click_id=network,
    )


def _referrer(referrer: str, own_domains: frozenset[str]) -> tuple[str, Place | None, str]:
    """Host, what is known of it, and the search term; empty for no referrer, one's own, or a broken one."""
    if referrer.startswith("android-app://"):
        package = referrer.removeprefix("android-app://").partition("/")[0].lower()[:128]
        return (package, place_of_app(package), "") if package else ("", None, "")
    try:
        parts = split_url(referrer)
        host = host_of(parts)
    except ValueError:
        return "", None, ""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if any(name == own or name.endswith(f".{own}") for own in own_domains):
        return "", None, ""
    place = place_of(name)
    term = dict(parse_qsl(parts.query)).get(place.term, "").strip()[:_MAX_VALUE] if place.term else ""
    return host, place, term


def _kind_of(source: str, *, network: str) -> SourceKind:
    """What kind of place a source that a campaign names is: by its host, its name, or its click id."""
    for host in (_ALIASES.get(source, source), f"{source}.com", f"{source}.ai", f"{network}.com"):
        place = place_of(host)
        if place.kind is not SourceKind.OTHER:
            return place.kind
    return SourceKind.OTHER


def _medium_of(channel: Channel) -> str:
    """The medium of a visit that names none, as Google Analytics calls it."""
    match channel:
        case Channel.ORGANIC_SEARCH:
            return "organic"
        case Channel.ORGANIC_SOCIAL:
            return "social"
        case Channel.DIRECT:
            return ""
        case _:
            return "referral"
