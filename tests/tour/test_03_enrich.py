"""Hop 3: app/adapters/enricher.py adds page, device, place, source and bot verdict."""

import msgspec

from app.adapters.enricher import Enricher
from app.core.decode import decode_web_event
from app.events.vocabulary import Channel, DeviceClass
from tests.tour.story import MESSAGE, rules


def test_what_is_known_about_the_visit():
    event = decode_web_event(msgspec.json.encode(MESSAGE))
    enriched = Enricher()(event, site=rules().site("shop"))
    assert (enriched.page.host, enriched.page.path) == ("shop.example", "/products/bell-brass")
    assert enriched.page.query == "utm_source=newsletter&utm_medium=email"
    assert enriched.device.device_class is DeviceClass.MOBILE
    assert enriched.geo.country == "DE"
    assert enriched.traffic.channel is Channel.EMAIL
    assert not enriched.bot.is_bot
