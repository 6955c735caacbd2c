"""What the demo's figures have to tell, so that each page of the dashboard has something to find."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from app.core.experiments.contracts import Experiment, Variant
from app.core.experiments.evaluate import evaluate
from app.core.experiments.samples import Conversions
from app.events.vocabulary import EventType, ReservedName
from app.traffic.audience import PROGRAMS
from app.traffic.catalogue import SAAS, SHOP
from app.traffic.simulator import DEFAULT_DAYS, SLOW_DAYS, simulate

END_MS = 1_760_000_000_000
DAY_MS = 86_400_000
CRAWLERS = {program.user_agent for program in PROGRAMS if not program.webdriver}
SLOWED = [(site.site_id, page.path) for site in (SHOP, SAAS) for page in site.pages if page.slowdown > 1]


def said(event):
    return msgspec.json.decode(event.properties)


def path(event):
    return urlsplit(event.url).path


def is_program(event):
    return event.webdriver or event.user_agent in CRAWLERS


@cache
def people():
    """The events of people, each once, by time; of more than a demo has, so that chance decides nothing."""
    events = {event.event_id: event for event in traffic() if not is_program(event)}
    return sorted(events.values(), key=lambda event: event.occurred_at)


@cache
def traffic():
    return tuple(simulate(seed=21, end_ms=END_MS, events=100_000))


def p75(values):
    return sorted(values)[len(values) * 3 // 4]


def growth(name, measure):
    """(site, path) -> how many times the 75th percentile of the days before it is in the last days."""
    found = defaultdict(lambda: ([], []))
    for event in people():
        value = said(event).get(measure)
        if event.name == name and value:
            is_late = event.occurred_at >= END_MS - SLOW_DAYS * DAY_MS
            found[event.site_id, path(event)][is_late].append(value)
    return {key: p75(now) / p75(then) for key, (then, now) in found.items() if min(len(then), len(now)) > 75}


def test_there_is_a_week_before_the_last_and_one_before_that():
    assert DEFAULT_DAYS == 21
    weeks = Counter((END_MS - event.received_at) // (7 * DAY_MS) for event in traffic())
    assert set(weeks) == {0, 1, 2}
    assert min(weeks.values()) > 0.3 * len(traffic())


def test_one_page_of_shop_and_saas_became_slower_in_the_last_week_and_no_other():
    assert [site for site, _ in SLOWED] == ["shop", "saas"]
    loads, paints = growth("", "load_ms"), growth(ReservedName.WEB_VITALS, "lcp_ms")
    assert len(loads) > 15
    assert {key for key, grew in loads.items() if grew > 1.45} == set(SLOWED)
    assert all(paints[key] > 1.45 for key in SLOWED)


@pytest.mark.parametrize("site", [SHOP, SAAS])
def test_the_second_variant_is_better_beyond_doubt(site):
    shown, converted = {}, set()
    for event in people():
        if event.site_id != site.site_id:
            continue
        if event.name == ReservedName.EXPOSURE:
            shown[event.visitor_id] = said(event)["variant"]
        elif event.name in {ReservedName.PURCHASE, ReservedName.GOAL} and event.visitor_id in shown:
            converted.add(event.visitor_id)
    users = Counter(shown.values())
    successes = Counter(shown[visitor_id] for visitor_id in converted)
    control, better = (
        Variant(name=name, metric=Conversions(users=users[name], converted=successes[name]))
        for name in site.experiment.variants
    )
    found = evaluate(Experiment(control=control, treatments=(better,)))
    assert (found.winner, found.warnings) == (better.name, ())


def test_the_checkout_loses_most_where_shipping_is_told():
    steps = ["/cart", "/checkout", "/checkout/shipping", "/checkout/payment", "/order/thanks"]
    reached = Counter()
    walks = defaultdict(int)
    for event in people():
        if event.site_id == "shop" and event.event_type is EventType.PAGE_VIEW:
            at = walks[event.visitor_id]
            if at < len(steps) and path(event) == steps[at]:
                walks[event.visitor_id] += 1
                reached[steps[at]] += 1
    kept = {after: reached[after] / reached[before] for before, after in pairwise(steps)}
    assert min(kept, key=kept.get) == "/checkout/payment"
    assert kept.pop("/checkout/payment") < 0.8 * min(kept.values())


def test_the_newsletter_brings_buyers_above_its_share():
    visits, buys = Counter(), Counter()
    medium = {}
    for event in people():
        if event.site_id != "shop":
            continue
        is_entry = urlsplit(event.referrer).hostname != SHOP.domain
        if event.event_type is EventType.PAGE_VIEW and is_entry:
            medium[event.visitor_id] = parse_qs(urlsplit(event.url).query).get("utm_medium", [""])[0]
            visits[medium[event.visitor_id]] += 1
        elif event.name == ReservedName.PURCHASE:
            buys[medium[event.visitor_id]] += 1
    share = visits["email"] / visits.total()
    assert share > 0.05
    assert buys["email"] / buys.total() > 1.4 * share


def test_known_bots_and_ai_crawlers_come_to_every_site():
    agents = {site_id: set() for site_id in ("shop", "blog", "saas")}
    for event in traffic():
        agents[event.site_id].add(event.user_agent)
    for seen in agents.values():
        assert all(any(name in agent for agent in seen) for name in ("Googlebot", "bingbot", "GPTBot"))
    everywhere = set().union(*agents.values())
    for name in ("ClaudeBot", "ChatGPT-User", "AhrefsBot", "HeadlessChrome"):
        assert any(name in agent for agent in everywhere)


def test_some_click_in_rage_and_some_in_vain():
    clicks = defaultdict(list)
    for event in people():
        if event.event_type is EventType.CLICK:
            clicks[event.site_id, event.visitor_id, path(event)].append(event)
    runs = Counter()
    for (site_id, _, where), events in clicks.items():
        for first, second, third in zip(events, events[1:], events[2:], strict=False):
            places = [said(event) for event in (first, second, third)]
            is_one = all(
                max(place[axis] for place in places) - min(place[axis] for place in places) <= 0.02
                for axis in "xy"
            )
            if third.occurred_at - first.occurred_at <= 1_000 and is_one:
                runs[site_id, where] += 1
    assert runs["shop", "/products/commuter-7"] > 5
    assert runs["saas", "/pricing"] > 2
    without_text = [event for event in people() if event.name == "" and said(event).get("element")]
    mute = [event for event in without_text if said(event)["element"] == "main > figure > img"]
    assert 0.05 < len(mute) / len(without_text) < 0.5


def test_some_come_by_a_term_and_some_to_a_page_that_is_gone():
    views = [event for event in people() if event.event_type is EventType.PAGE_VIEW]
    terms = {parse_qs(urlsplit(event.referrer).query).get("q", [""])[0] for event in views}
    assert set(SHOP.terms) <= terms
    gone = [event for event in views if said(event).get("status") == 404]
    assert {event.title for event in gone} == {"Page not found"}
    assert {event.site_id for event in gone} == {"shop", "blog", "saas"}
    assert all(urlsplit(event.referrer).hostname not in {SHOP.domain, None} for event in gone)
    fetched = [event for event in traffic() if is_program(event) and said(event).get("status") == 404]
    assert any("Googlebot" in event.user_agent for event in fetched)


def test_people_land_on_more_pages_than_one_from_search():
    landed = Counter(
        path(event)
        for event in people()
        if event.site_id == "shop" and urlsplit(event.referrer).hostname == "www.google.com"
    )
    assert len(landed) > 10
