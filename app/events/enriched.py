"""What the enrich step adds to an event. Coded as arrays: they are part of the visitor's state."""

from __future__ import annotations

import msgspec

from app.events.vocabulary import BotKind, BotReason, Channel, DeviceClass

#: Reason -> what such a program is for; of several that hold, the first counts.
_KINDS = {
    BotReason.AI_FETCHER: BotKind.AI_FETCHER,
    BotReason.AI_CRAWLER: BotKind.AI_CRAWLER,
    BotReason.SEARCH_CRAWLER: BotKind.SEARCH_CRAWLER,
    BotReason.MONITOR: BotKind.MONITOR,
    BotReason.AUTOMATION: BotKind.AUTOMATION,
    BotReason.WEBDRIVER: BotKind.AUTOMATION,
}


class Page(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """A URL as it is kept: lower-case host, path, and only the allow-listed part of the query."""

    host: str = ""
    path: str = ""
    query: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Device class, browser and operating system; versions are major versions, empty if unknown."""

    device_class: DeviceClass = DeviceClass.UNKNOWN
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""


class Geo(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Where the visitor is: ISO 3166-1 alpha-2 country, region and city; empty where unknown."""

    country: str = ""
    region: str = ""
    city: str = ""


class Traffic(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Where a visit came from. ``click_id`` names the ad network whose click id was present, not the id."""

    channel: Channel = Channel.DIRECT
    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    referrer_host: str = ""
    click_id: str = ""


class BotVerdict(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Whether a program sent the event (``reasons`` non-zero), why, and who runs it if known."""

    reasons: BotReason = BotReason.NONE
    name: str = ""

    @property
    def is_bot(self) -> bool:
        """Whether any reason holds."""
        return bool(self.reasons)

    @property
    def kind(self) -> BotKind | None:
        """What the program is for, ``other`` where that is not known; None: a person."""
        if not self.reasons:
            return None
        return next((kind for reason, kind in _KINDS.items() if reason in self.reasons), BotKind.OTHER)


class Versions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which rules and tables decided, as short digests.

    ``rules``: of all that can be decided again, empty where that is not known. ``geo`` and ``networks``: of
    the operator's files that an address was looked up in, empty where there was none.
    """

    rules: str = ""
    geo: str = ""
    networks: str = ""


NO_VERSIONS = Versions()


class Enrichment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything the enrich step decided about one event."""

    page: Page
    device: Device
    geo: Geo
    traffic: Traffic
    bot: BotVerdict
    versions: Versions = NO_VERSIONS
