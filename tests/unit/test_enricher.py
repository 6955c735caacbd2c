"""The enrich step as a whole."""

import msgspec
import pytest

from app.adapters.enricher import Enricher
from app.commands.enrich import verdicts
from app.events.enriched import Device, Enrichment, Geo, Page, Traffic
from app.events.rejects import Reject
from app.events.vocabulary import BotKind, Channel, DeviceClass, Outcome, RejectReason, Step
from app.settings import Settings
from tests.factories import T0, rules, web_event, wire

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
)


@pytest.fixture(scope="module")
def enrich():
    return Enricher()


def site(**changes):
    return msgspec.structs.replace(rules().default_site, **changes)


def test_everything_that_is_known_of_a_visit(enrich):
    event = web_event(
        url="https://shop.example/bikes?size=m&token=secret&utm_source=google&utm_medium=cpc&gclid=1#top",
        referrer="https://www.google.de/",
        user_agent=WINDOWS,
        client_hints={"platform": "Windows", "platform_version": "15.0.0", "mobile": False},
        screen_width=1920,
        timezone="Asia/Calcutta",
        ip="192.0.2.1",
    )
    enrichment = enrich(event, site=site(query_allow_list=frozenset({"size"})))
    assert enrichment == Enrichment(
        page=Page(host="shop.example", path="/bikes", query="size=m&utm_source=google&utm_medium=cpc"),
        device=Device(
            device_class=DeviceClass.DESKTOP,
            browser="Chrome",
            browser_version="138",
            os="Windows",
            os_version="11",
        ),
        geo=Geo(country="IN"),
        traffic=Traffic(
            channel=Channel.PAID_SEARCH,
            source="google",
            medium="cpc",
            referrer_host="www.google.de",
            click_id="google",
        ),
        bot=enrichment.bot,
        versions=enrichment.versions,
    )
    assert not enrichment.bot.is_bot
    assert "192.0.2.1" not in repr(enrichment)


def test_a_url_of_no_page_is_refused(enrich):
    refused = enrich(web_event(url="javascript:alert(1)"), site=site())
    assert isinstance(refused, Reject)
    assert (refused.reason, refused.step, refused.field) == (RejectReason.INVALID_URL, Step.ENRICH, "url")


@pytest.mark.parametrize(
    ("url", "referrer", "domains"),
    [
        ("https://shop.example/a", "https://shop.example/", set()),
        ("https://www.shop.example/a", "https://shop.example/", set()),
        ("http://localhost:8000/a", "http://localhost:8000/", set()),
        ("https://shop.example/a", "https://pay.example/", {"pay.example"}),
    ],
)
def test_pages_of_the_same_site_refer_nobody(enrich, url, referrer, domains):
    enrichment = enrich(web_event(url=url, referrer=referrer), site=site(domains=frozenset(domains)))
    assert isinstance(enrichment, Enrichment)
    assert enrichment.traffic == Traffic()


def test_two_sites_are_told_apart_by_their_own_domains(enrich):
    event = web_event(url="https://shop.example/", referrer="https://pay.example/")
    channels = [
        enrich(event, site=site(domains=own)).traffic.channel
        for own in (frozenset({"pay.example"}), frozenset())
    ]
    assert channels == [Channel.DIRECT, Channel.REFERRAL]


def test_a_driven_browser_is_flagged_and_kept(enrich):
    enrichment = enrich(web_event(user_agent=WINDOWS, webdriver=True), site=site())
    assert isinstance(enrichment, Enrichment)
    assert enrichment.bot.reasons.labels == ["webdriver"]


@pytest.mark.parametrize("ip", ["192.0.2.77", "::ffff:192.0.2.77"])
def test_an_address_in_a_data_centre_is_flagged_and_gone(tmp_path, ip):
    path = tmp_path / "clouds.txt"
    path.write_text("192.0.2.0/24\n")
    enrich = Enricher.of(Settings(bots={"networks_path": str(path)}))
    flagged = enrich(web_event(user_agent=WINDOWS, ip=ip), site=site())
    assert flagged.bot.reasons.labels == ["data_centre"]
    assert flagged.bot.kind is BotKind.OTHER
    assert "192.0.2.77" not in repr(flagged)
    assert not enrich(web_event(user_agent=WINDOWS, ip="198.51.100.1"), site=site()).bot.is_bot
    assert not enrich(web_event(user_agent=WINDOWS), site=site()).bot.is_bot


def test_a_browser_without_its_headers_is_flagged_beside_what_else_holds(enrich):
    flagged = enrich(web_event(user_agent=WINDOWS, webdriver=True, missing_headers=True), site=site())
    assert flagged.bot.reasons.labels == ["webdriver", "missing_headers"]
    assert flagged.bot.kind is BotKind.AUTOMATION


@pytest.mark.parametrize("origin", ["server", "replay"])
def test_what_came_through_no_collector_lacks_no_headers(enrich, origin):
    assert not enrich(web_event(user_agent=WINDOWS, origin=origin), site=site()).bot.is_bot


def test_the_enrich_command_says_what_was_decided(enrich):
    lines = [
        msgspec.json.encode(wire(referrer="https://chatgpt.com/", user_agent="")),
        msgspec.json.encode(wire(url="ftp://shop.example/")),
    ]
    good, bad = verdicts(lines, rules=rules(), enrich=enrich, at_ms=T0)
    assert (good["outcome"], good["traffic"]["channel"]) == (Outcome.ACCEPTED, Channel.AI_ASSISTANTS)
    assert (good["is_bot"], good["bot_reasons"]) == (True, ["empty_user_agent"])
    assert good["bot_kind"] is BotKind.OTHER
    assert (bad["outcome"], bad["reason"], bad["field"]) == (
        Outcome.REJECTED,
        RejectReason.INVALID_URL,
        "url",
    )


def test_what_another_tool_found_out_stands_for_address_and_user_agent_in_a_replay_alone(enrich):
    told = {"device_class": "tablet", "browser": "Safari", "os": "iOS", "country": "PT", "city": "Porto"}
    event = web_event(exported=told, origin="replay", timezone="Asia/Tokyo")
    enrichment = enrich(event, site=site())
    assert enrichment.device == Device(device_class=DeviceClass.TABLET, browser="Safari", os="iOS")
    assert enrichment.geo == Geo(country="PT", city="Porto")
    assert not enrichment.bot.is_bot
    sent = enrich(msgspec.structs.replace(event, origin="browser"), site=site())
    assert (sent.device, sent.geo.country, sent.bot.is_bot) == (Device(), "JP", True)
