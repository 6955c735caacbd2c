"""(kept payload, what was decided of it then) -> what is decided today, and where the two differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from app.core.decode import decode_web_event
from app.core.pipeline import Enrich
from app.core.rules import Rules
from app.events.enriched import BotVerdict
from app.events.rejects import Reject
from app.events.vocabulary import BotReason

#: What only the address told, which is in no payload: it stays as it was.
BY_ADDRESS = BotReason.DATA_CENTRE


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What rules and tables decide of an event; a field's name is the column's."""

    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    click_id: str
    country: str
    region: str
    city: str
    device_class: str
    browser: str
    browser_version: str
    os: str
    os_version: str
    is_bot: int
    bot_reasons: int
    bot_name: str
    bot_kind: str


def decided(
    payload: str, *, before: Facts, rules: Rules, enrich: Enrich, keeps_place: bool = True
) -> Facts | None:
    """What is decided of a kept payload today; None where it is no longer one that would be accepted.

    ``keeps_place``: its place may be of a database that knew the address, and stays; else it is that of the
    time zone.
    """
    event = decode_web_event(payload.encode())
    if isinstance(event, Reject):
        return None
    enriched = enrich(event, site=rules.site(event.site_id))
    if isinstance(enriched, Reject):
        return None
    traffic, device = enriched.traffic, enriched.device
    bot = BotVerdict(
        reasons=enriched.bot.reasons | (BotReason(before.bot_reasons) & BY_ADDRESS), name=enriched.bot.name
    )
    place = before if keeps_place else enriched.geo
    return Facts(
        referrer_host=traffic.referrer_host,
        channel=str(traffic.channel),
        source=traffic.source,
        medium=traffic.medium,
        campaign=traffic.campaign,
        term=traffic.term,
        content=traffic.content,
        click_id=traffic.click_id,
        country=place.country,
        region=place.region,
        city=place.city,
        device_class=str(device.device_class),
        browser=device.browser,
        browser_version=device.browser_version,
        os=device.os,
        os_version=device.os_version,
        is_bot=int(bot.is_bot),
        bot_reasons=int(bot.reasons),
        bot_name=bot.name,
        bot_kind=str(bot.kind or ""),
    )


#: What is told of a difference: its name, and how it is said.
TOLD: dict[str, Callable[[Facts], str]] = {
    "channel": lambda facts: facts.channel,
    "source": lambda facts: facts.source,
    "medium": lambda facts: facts.medium,
    "country": lambda facts: facts.country,
    "device class": lambda facts: facts.device_class,
    "browser": lambda facts: f"{facts.browser} {facts.browser_version}".strip(),
    "operating system": lambda facts: f"{facts.os} {facts.os_version}".strip(),
    "bot reasons": lambda facts: ", ".join(BotReason(facts.bot_reasons).labels),
    "bot": lambda facts: f"{facts.bot_kind} {facts.bot_name}".strip(),
}


def differing(before: Facts, now: Facts) -> Counter[tuple[str, str, str]]:
    """What differs: (name, before, now), each once."""
    return Counter(
        (name, was, is_) for name, say in TOLD.items() if (was := say(before)) != (is_ := say(now))
    )
