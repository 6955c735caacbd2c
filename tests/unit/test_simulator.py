"""The simulator: repeatable, valid, and believable enough that reports have something to say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.core.decode import decode_web_event
from app.core.validate import event_time, validate
from app.events.rejects import Reject
from app.events.vocabulary import EventType, Origin, ReservedName
from app.events.wire import WebEvent
from app.traffic.audience import PLACES, PROGRAMS
from app.traffic.catalogue import SITES, simulated_sites
from app.traffic.simulator import DEFAULT_EVENTS, simulate

END_MS = 1_760_000_000_000
DAY_MS = 86_400_000
COUNT = 20_000
DAYS = 5


@cache
def traffic() -> tuple[WebEvent, ...]:
    """One run that many tests look at."""
    return tuple(simulate(seed=8, end_ms=END_MS, events=COUNT, days=DAYS))


def encoded(events: Iterable[WebEvent]) -> list[bytes]:
    return [msgspec.json.encode(event) for event in events]


def said(event: WebEvent) -> dict[str, Any]:
    return msgspec.json.decode(event.properties, type=dict[str, Any])


def named(name: str) -> list[WebEvent]:
    return [event for event in traffic() if event.name == name]


CRAWLERS = {program.user_agent for program in PROGRAMS if not program.webdriver}


def is_program(event: WebEvent) -> bool:
    return event.webdriver or event.user_agent in CRAWLERS


def histories() -> list[list[WebEvent]]:
    """Each person's events in the order of their times, every event once."""
    by_visitor: dict[bytes, dict[str, WebEvent]] = defaultdict(dict)
    for event in traffic():
        if not is_program(event):
            by_visitor[event.key][event.event_id] = event
    return [sorted(events.values(), key=lambda event: event.occurred_at) for events in by_visitor.values()]


def test_traffic_may_be_of_an_hour():
    events = list(simulate(seed=7, end_ms=END_MS, events=500, days=1 / 24))
    assert len(events) == 500
    assert END_MS - DAY_MS / 24 <= events[0].received_at < events[-1].received_at <= END_MS
    assert events[-1].received_at - events[0].received_at > DAY_MS / 48


def test_the_same_seed_gives_the_same_events_and_another_gives_others():
    first = encoded(simulate(seed=1, end_ms=END_MS, events=2_000))

    assert encoded(simulate(seed=1, end_ms=END_MS, events=2_000)) == first
    assert not set(encoded(simulate(seed=2, end_ms=END_MS, events=2_000))) & set(first)


@pytest.mark.parametrize(("events", "days"), [(0, 7), (1, 1), (2, 1), (101, 30), (3_000, 1)])
def test_exactly_as_many_events_as_asked_for(events: int, days: int):
    assert sum(1 for _ in simulate(seed=3, end_ms=END_MS, events=events, days=days)) == events


def test_fifty_thousand_events_unless_told_otherwise():
    assert DEFAULT_EVENTS == 50_000
    assert sum(1 for _ in simulate(seed=3, end_ms=END_MS)) == DEFAULT_EVENTS


def test_events_come_in_the_order_of_receipt_and_fill_the_days_up_to_the_end():
    received = [event.received_at for event in traffic()]

    assert received == sorted(received)
    assert END_MS - DAYS * DAY_MS <= received[0] <= END_MS - (DAYS - 0.1) * DAY_MS
    assert END_MS - 600_000 < received[-1] <= END_MS
    assert len({at // DAY_MS for at in received}) >= DAYS


def test_event_times_are_a_little_out_of_order_and_a_few_events_are_minutes_late():
    late_ms = [event.received_at - event.occurred_at for event in traffic()]
    backwards = sum(later.occurred_at < earlier.occurred_at for earlier, later in pairwise(traffic()))

    assert min(late_ms) > 0
    assert 0 < backwards < 0.3 * COUNT
    assert 0.001 < sum(late > 5_000 for late in late_ms) / COUNT < 0.02
    assert max(late_ms) <= 700_000
    assert all(event.occurred_at <= event.sent_at <= event.received_at for event in traffic())


@pytest.mark.parametrize("origin", Origin)
def test_every_event_is_accepted_by_the_pipeline_whatever_its_origin(origin: Origin):
    events = list(simulate(seed=5, end_ms=END_MS, events=3_000, origin=origin))

    of_pages = [event for event in events if event.name != ReservedName.ALIAS]
    assert {event.origin for event in of_pages} == {origin}
    for event in events:
        assert decode_web_event(msgspec.json.encode(event)) == event
        assert not isinstance(validate(event), Reject)
        assert not isinstance(event_time(event, grace_ms=DAY_MS), Reject)


def test_ids_are_uuids_of_version_7_in_the_order_of_time_and_unique_but_for_the_duplicates():
    times = Counter(event.event_id for event in traffic())

    assert all(event.event_id[14] == "7" for event in traffic())
    assert all(int(event.event_id[:13].replace("-", ""), 16) == event.occurred_at for event in traffic())
    assert set(times.values()) == {1, 2}
    assert 0.001 < (COUNT - len(times)) / COUNT < 0.006


def test_a_duplicate_differs_from_its_first_only_in_when_it_was_sent():
    by_id: dict[str, list[WebEvent]] = defaultdict(list)
    for event in traffic():
        by_id[event.event_id].append(event)

    for first, *again in by_id.values():
        for event in again:
            assert event.sent_at > first.sent_at
            assert msgspec.structs.replace(event, sent_at=0, received_at=0) == msgspec.structs.replace(
                first, sent_at=0, received_at=0
            )


def test_all_event_types_and_all_reserved_names_occur_on_all_sites_that_have_them():
    assert {event.event_type for event in traffic()} == set(EventType)
    assert {event.name for event in traffic() if event.name.startswith("$")} == set(ReservedName)
    assert {event.site_id for event in traffic()} == set(simulated_sites()) == {"shop", "blog", "saas"}


def test_the_sites_tell_their_zone_and_domains_and_events_keep_to_them():
    sites = simulated_sites()

    assert {site.timezone for site in sites.values()} == {site.timezone for site in SITES}
    assert all(ZoneInfo(site.timezone) for site in sites.values())
    for event in traffic():
        assert urlsplit(event.url).hostname in sites[event.site_id].domains


def test_bots_are_among_the_visitors_some_behind_a_driven_browser():
    bots = [event for event in traffic() if is_program(event)]

    assert 0.02 < len(bots) / COUNT < 0.10
    assert any(event.webdriver for event in bots)
    assert any(event.user_agent == "" for event in bots)
    assert {event.event_type for event in bots if not event.webdriver} == {EventType.PAGE_VIEW}


def test_addresses_are_documentation_addresses_of_the_visitors_place():
    networks = [ip_network(f"{place.ipv4}/28") for place in PLACES.values()]
    networks += [ip_network(f"{place.ipv6}::/48") for place in PLACES.values()]
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)

    by_zone: dict[str, set[str]] = defaultdict(set)
    for event in traffic():
        by_zone[event.timezone].add(event.ip)
    for place in PLACES.values():
        own = (ip_network(f"{place.ipv4}/28"), ip_network(f"{place.ipv6}::/48"))
        assert by_zone[place.timezone]
        assert all(any(ip_address(ip) in network for network in own) for ip in by_zone[place.timezone])


def test_visitors_come_back_on_other_days_with_the_same_device():
    days = [{event.occurred_at // DAY_MS for event in events} for events in histories()]

    assert sum(len(each) > 1 for each in days) > 0.1 * len(days)
    assert all(len({event.user_agent for event in events}) == 1 for events in histories())


def test_the_night_of_a_sites_own_people_is_quiet():
    zone = "Europe/Berlin"
    hours = Counter(
        (event.occurred_at + 2 * 3_600_000) // 3_600_000 % 24
        for event in traffic()
        if event.site_id == "shop" and event.timezone == zone
    )

    assert sum(hours[hour] for hour in (1, 2, 3, 4)) * 3 < sum(hours[hour] for hour in (18, 19, 20, 21))


def test_visits_come_through_many_channels():
    views = [event for event in traffic() if event.event_type is EventType.PAGE_VIEW]
    hosts = {urlsplit(event.referrer).hostname for event in views}
    queries = " ".join(urlsplit(event.url).query for event in views)

    assert {"www.google.com", "www.facebook.com", "chatgpt.com", "www.youtube.com", None} <= hosts
    assert all(
        part in queries
        for part in ("utm_medium=cpc", "utm_medium=email", "utm_medium=affiliate", "gclid=", "fbclid=")
    )


def test_the_steps_of_the_checkout_come_in_order_and_each_loses_some():
    def step(event: WebEvent) -> int:
        path = urlsplit(event.url).path
        if event.name == ReservedName.PURCHASE:
            return 3
        if event.event_type is not EventType.PAGE_VIEW:
            return -1
        return {"/cart": 1, "/checkout": 2}.get(path, 0 if path.startswith("/products/") else -1)

    reached: Counter[int] = Counter()
    for events in histories():
        if events[0].site_id != "shop":
            continue
        done = -1
        for event in events:
            if step(event) == done + 1:
                done += 1
                reached[done] += 1
    assert reached[0] > reached[1] > reached[2] > reached[3] > 0


def test_a_purchase_follows_its_cart_and_has_revenue_currency_and_an_order_of_its_own():
    purchases = {event.event_id: said(event) for event in named("$purchase")}

    assert {purchase["currency"] for purchase in purchases.values()} == {"EUR"}
    assert all(purchase["revenue"] > 0 for purchase in purchases.values())
    assert len({purchase["order_id"] for purchase in purchases.values()}) == len(purchases)


def test_each_visitor_sees_one_variant_and_the_better_one_converts_more():
    shown: dict[str, str] = {}
    exposures: Counter[tuple[str, str]] = Counter()
    conversions: Counter[tuple[str, str]] = Counter()
    events = simulate(seed=1, end_ms=END_MS, events=60_000)
    for event in sorted(events, key=lambda event: event.occurred_at):
        if event.name == ReservedName.EXPOSURE:
            variant = said(event)["variant"]
            assert shown.setdefault(event.visitor_id, variant) == variant
            exposures[event.site_id, variant] += 1
        elif event.name in {ReservedName.PURCHASE, ReservedName.GOAL}:
            conversions[event.site_id, shown[event.visitor_id]] += 1

    assert len(exposures) == 2 * len(SITES)
    for site in SITES:
        worse, better = ((site.site_id, variant) for variant in site.experiment.variants)
        assert conversions[better] / exposures[better] > conversions[worse] / exposures[worse]


def test_vitals_add_up_and_are_slower_on_phones():
    def median_lcp(*, phones: bool) -> float:
        lcps = sorted(
            said(event)["lcp_ms"] for event in named("$web_vitals") if (event.screen_width < 500) is phones
        )
        return lcps[len(lcps) // 2]

    for event in named("$web_vitals"):
        vitals = said(event)
        assert 0 < vitals["ttfb_ms"] < vitals["fcp_ms"] < vitals["lcp_ms"]
        assert ("cls" in vitals) == bool(event.client_hints.brands)
    assert median_lcp(phones=True) > 1.2 * median_lcp(phones=False)


def test_page_leaves_report_no_more_engagement_than_there_was_time():
    views: dict[tuple[str, str], int] = {}
    checked = 0
    for events in histories():
        for event in events:
            if event.event_type is EventType.PAGE_VIEW:
                views[event.visitor_id, event.url] = event.occurred_at
            elif event.name == ReservedName.PAGE_LEAVE and (event.visitor_id, event.url) in views:
                leave = said(event)
                assert 0 <= leave["engaged_ms"] <= event.occurred_at - views[event.visitor_id, event.url]
                assert 0 <= leave["scroll_depth"] <= 100
                checked += 1
    assert checked > 1_000


def test_who_identified_keeps_the_user_id_and_some_use_two_devices():
    visitors: dict[str, set[str]] = defaultdict(set)
    for events in histories():
        users = [event.user_id for event in events]
        known = [user for user in users if user]
        assert users[len(users) - len(known) :] == known
        assert len(set(known)) <= 1
        if known:
            first = next(event for event in events if event.user_id)
            visitors[known[0]].add(first.visitor_id)
    assert all(event.user_id for event in named("$identify"))
    assert len(visitors) > 50
    assert any(len(devices) > 1 for devices in visitors.values())
