"""The enrich step: URL, device, geography, traffic source and bot verdict of an event."""

from __future__ import annotations

from typing import Self

from app.adapters.bots import BotDetector
from app.adapters.device import DeviceParser
from app.adapters.geo import GeoLookup
from app.adapters.networks import NetworkFile
from app.adapters.rule_versions import digest_of_parts, tables_version
from app.adapters.spam_referrers import SpamReferrers
from app.core.pages import read_page
from app.core.rules import SiteRules
from app.core.traffic import classify_traffic
from app.events.enriched import BotVerdict, Device, Enrichment, Geo, Versions
from app.events.rejects import Reject
from app.events.vocabulary import BotReason, Origin
from app.events.wire import Exported, WebEvent
from app.settings import Settings


class Enricher:
    """Enriches events; its look-ups are cached, so that one instance serves a whole worker."""

    def __init__(
        self, *, mmdb_path: str = "", networks_path: str = "", spam_referrers_path: str = ""
    ) -> None:
        self._devices = DeviceParser()
        self._bots = BotDetector()
        self._geo = GeoLookup(mmdb_path)
        self._data_centres = NetworkFile(networks_path)
        self._spam = SpamReferrers(spam_referrers_path)
        self._files = [file for file in (self._geo, self._data_centres, self._spam) if file.version]
        self._read: list[str] = []
        self._versions: dict[str, Versions] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """One with the files that the settings name; SettingsError where one cannot be read."""
        return cls(
            mmdb_path=settings.geo.mmdb_path,
            networks_path=settings.bots.networks_path,
            spam_referrers_path=settings.bots.spam_referrers_path,
        )

    def versions(self, site: SiteRules) -> Versions:
        """By which rules and tables an event of the site is decided now."""
        # Asked at each event, and most deployments have no file: then it is one look into a dict.
        if self._files and (read := [file.version for file in self._files]) != self._read:
            self._read, self._versions = read, {}
        versions = self._versions.get(site.version)
        if versions is None:
            versions = self._versions[site.version] = Versions(
                rules=digest_of_parts(tables_version(), site.version, self._spam.version),
                geo=self._geo.version,
                networks=self._data_centres.version,
            )
        return versions

    def __call__(self, event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
        """What is known about the event, or a Reject when its URL is not one of a web page."""
        page = read_page(event.url, allow=site.query_allow_list)
        if isinstance(page, Reject):
            return page
        # First: of a file that is read anew meanwhile, the event is then told to be decided by the older one.
        versions = self.versions(site)
        told = event.exported if event.origin is Origin.REPLAY else None
        return Enrichment(
            page=page,
            device=_device_of(told) if told else self._device(event),
            geo=_geo_of(told) if told else self._geo.find(event.ip, timezone=event.timezone),
            traffic=classify_traffic(
                url=event.url,
                referrer=event.referrer,
                own_domains=site.domains | {page.host},
                rules=site.channels,
            ),
            bot=self._verdict(event, exported=told is not None),
            versions=versions,
        )

    def _device(self, event: WebEvent) -> Device:
        return self._devices.parse(
            event.user_agent, hints=event.client_hints, screen_width=event.screen_width
        )

    def _verdict(self, event: WebEvent, *, exported: bool) -> BotVerdict:
        signs = self._signs(event)
        # A server that tells of a person need not know the browser, and calls from where it is. An export has
        # no user agents: the tool that it is of looked at them.
        if (exported or event.origin is Origin.SERVER) and not event.user_agent:
            return BotVerdict(reasons=signs & BotReason.SPAM_REFERRER)
        return self._bots.judge(event.user_agent, also=signs)

    def _signs(self, event: WebEvent) -> BotReason:
        """What tells of a program, beside its user agent."""
        signs = BotReason.NONE
        if event.webdriver:
            signs |= BotReason.WEBDRIVER
        if event.missing_headers:
            signs |= BotReason.MISSING_HEADERS
        if event.ip in self._data_centres:
            signs |= BotReason.DATA_CENTRE
        if event.referrer in self._spam:
            signs |= BotReason.SPAM_REFERRER
        return signs


def _device_of(told: Exported) -> Device:
    return Device(
        device_class=told.device_class,
        browser=told.browser,
        browser_version=told.browser_version,
        os=told.os,
        os_version=told.os_version,
    )


def _geo_of(told: Exported) -> Geo:
    return Geo(country=told.country, region=told.region, city=told.city)
