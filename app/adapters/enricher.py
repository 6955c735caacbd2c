"""The enrich step: URL, device, geography, traffic source and bot verdict of an event."""

from __future__ import annotations

from app.adapters.bots import BotDetector
from app.adapters.device import DeviceParser
from app.adapters.geo import GeoLookup
from app.core.pages import read_page
from app.core.rules import SiteRules
from app.core.traffic import classify_traffic
from app.events.enriched import BotVerdict, Enrichment
from app.events.rejects import Reject
from app.events.vocabulary import Origin
from app.events.wire import WebEvent


class Enricher:
    """Enriches events; its look-ups are cached, so that one instance serves a whole worker."""

    def __init__(self, *, mmdb_path: str = "") -> None:
        self._devices = DeviceParser()
        self._bots = BotDetector()
        self._geo = GeoLookup(mmdb_path)

    def __call__(self, event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
        """What is known about the event, or a Reject when its URL is not one of a web page."""
        page = read_page(event.url, allow=site.query_allow_list)
        if isinstance(page, Reject):
            return page
        return Enrichment(
            page=page,
            device=self._devices.parse(
                event.user_agent, hints=event.client_hints, screen_width=event.screen_width
            ),
            geo=self._geo.find(event.ip, timezone=event.timezone),
            traffic=classify_traffic(
                url=event.url, referrer=event.referrer, own_domains=site.domains | {page.host}
            ),
            bot=self._verdict(event),
        )

    def _verdict(self, event: WebEvent) -> BotVerdict:
        # A server that tells of a person need not know the browser: nothing speaks for a program then.
        if event.origin is Origin.SERVER and not event.user_agent:
            return BotVerdict()
        return self._bots.judge(event.user_agent, webdriver=event.webdriver)
