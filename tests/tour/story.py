"""The event that the tour follows: Ada reads a page that a newsletter led her to."""

from __future__ import annotations

from typing import Any

from app.adapters.rules import rules_of
from app.core.rules import Rules
from app.settings import Settings
from tests.factories import T0

_BROWSER = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"
PHONE = f"Mozilla/5.0 (Linux; Android 10; K) {_BROWSER}"

#: What the browser says of itself in every request.
HEADERS = {"User-Agent": PHONE, "Accept-Language": "de-DE", "Sec-Fetch-Mode": "cors"}

#: As the browser posts it.
POSTED: dict[str, Any] = {
    "event_id": "0198f2c0-0000-7000-8000-00000000ada0",
    "event_type": "page_view",
    "site_id": "shop",
    "visitor_id": "ada",
    "occurred_at": T0 - 1_000,
    "sent_at": T0 - 500,
    "url": "https://shop.example/products/bell-brass?utm_source=newsletter&utm_medium=email&basket=17",
    "title": "Brass bell",
    "timezone": "Europe/Berlin",
    "language": "de-DE",
    "screen_width": 412,
    "screen_height": 915,
    "properties": {"load_ms": 840.4},
}

#: When the collector received it: half a second after it was sent, by the collector's clock.
RECEIVED_AT = T0

#: As it stands in Kafka.
MESSAGE: dict[str, Any] = {
    **POSTED,
    "received_at": RECEIVED_AT,
    "user_agent": PHONE,
    "ip": "127.0.0.1",
}
KEY = b"shop:ada"


def settings() -> Settings:
    """A shop in Berlin."""
    return Settings(sites={"shop": {"timezone": "Europe/Berlin", "domains": ["shop.example"]}})


def rules() -> Rules:
    """The same, as the worker folds by them."""
    return rules_of(settings())
