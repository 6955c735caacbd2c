"""Performance: vitals as the API rates them, the page that got slower in a sentence, and a page by itself."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.pages.looking import NARROW_AND_WIDE
from views.performance.model import THRESHOLDS, Rating, Regression, Vital

SLOWER = "section[aria-label='Which page got slower this week?']"
SLOWEST = "section[aria-label='Slowest pages']"
VITALS = ["lcp", "inp", "cls", "fcp", "ttfb"]
WORDS = {Rating.GOOD: "Good", Rating.NEEDS_IMPROVEMENT: "Needs work", Rating.POOR: "Poor"}


def shown(text):
    """A time or a layout shift, as the number that the API has: ms or no unit."""
    if text.endswith("ms"):
        return float(text.removesuffix("ms"))
    return 1000 * float(text.removesuffix("s")) if text.endswith("s") else float(text)


def roughly(value):
    """As far as the page shows it; what lies between two figures may go to either, less a float's error."""
    half = 5 if value >= 1000 else 0.5 if value > 2 else 0.005
    return pytest.approx(value, abs=half * (1 + 1e-9))


def tile(page, vital):
    """Value and rating of a tile."""
    found = page.query_selector(f"[data-metric={vital}]")
    return shown(found.query_selector(".value").text_content()), found.query_selector(".badge").text_content()


def test_the_tiles_say_what_the_api_says(looking):
    page = looking.open("/performance?site=shop")
    totals = looking.api("/api/v1/performance?site=shop")["totals"]
    for vital in VITALS:
        measured = totals[vital]
        assert tile(page, vital) == (roughly(measured["p75"]), WORDS[measured["rating"]])
        words = page.text_content(f"[data-metric={vital}] .spreading")
        assert float(words.split("%")[0]) == pytest.approx(100 * measured["good"], abs=0.051)
    assert totals["lcp"]["samples"] > 0
    looking.assert_sound(page)


def test_the_measure_that_is_chosen_is_drawn_and_orders_the_pages(looking):
    page = looking.open("/performance?site=shop&least=10")
    page.click("[data-metric=inp]")
    looking.settled(page)
    assert "vital=inp" in page.url
    asked = "/api/v1/performance/pages?site=shop&vital=inp&min_samples=10&limit=10"
    pages = [one["page"] for one in looking.api(asked)["pages"]]
    assert [row.get_attribute("data-key") for row in page.query_selector_all(f"{SLOWEST} tbody tr")] == pages
    again = looking.open(page.url.removeprefix(looking.address))
    assert again.get_attribute("[data-metric=inp]", "aria-pressed") == "true"
    looking.assert_sound(again)


@pytest.mark.parametrize("vital", VITALS)
def test_the_thresholds_that_are_told_are_those_it_is_rated_by(looking, vital):
    page = looking.open(f"/performance?site=shop&vital={vital}")
    told = page.text_content("section[aria-label='Web vitals'] .body > p.muted")
    good, poor = (limit / Vital(vital).divisor for limit in THRESHOLDS[Vital(vital)])
    told_good, told_poor = told.rstrip(".").split("Good up to ")[1].split(", poor over ")
    assert (shown(told_good), shown(told_poor)) == (good, poor)


def test_a_page_that_is_chosen_is_seen_alone(looking):
    page = looking.open("/performance?site=shop&least=10")
    name = page.get_attribute(f"{SLOWEST} tbody tr", "data-key")
    page.click(f"{SLOWEST} tbody tr button")
    looking.settled(page)
    assert page.text_content(".chip").startswith(f"Page is {name}")
    only = json.dumps({"op": "is", "field": "path", "value": name}).replace(" ", "")
    measured = looking.api(f"/api/v1/performance?site=shop&filter={only}")["totals"]["lcp"]
    assert tile(page, "lcp")[0] == roughly(measured["p75"])
    assert len(page.query_selector_all(f"{SLOWEST} tbody tr")) == 1
    looking.assert_sound(page)


def slower(page, answer, regressions):
    """Let the page ask again, and be told of these."""
    told = {**answer, "regressions": msgspec.to_builtins(regressions)}
    page.route("**/api/v1/performance/regressions?*", lambda route: route.fulfill(json=told))
    page.select_option("select[name=least]", "10")


def test_the_page_that_got_slower_most_is_told_first(looking):
    page = looking.open("/performance?site=shop&least=10")
    first = looking.api("/api/v1/performance/regressions?site=shop&min_samples=10")["regressions"][0]
    said = page.text_content(f"{SLOWER} .answer.bad")
    assert said.startswith(f"{first['page']} got slower: ")
    assert f"(+{100 * first['change']:.0f}%)" in said


def test_what_got_slower_is_said_in_a_sentence_and_listed(looking):
    page = looking.open("/performance?site=shop")
    answer = looking.api("/api/v1/performance/regressions?site=shop")
    worst = Regression(
        page="/checkout",
        vital=Vital.LCP,
        p75=4200.0,
        p75_before=1900.0,
        change=4200 / 1900 - 1,
        rating=Rating.POOR,
        rating_before=Rating.GOOD,
        samples=80,
        samples_before=90,
    )
    load = msgspec.structs.replace(worst, page="/cart", vital=Vital.LOAD, rating=None, rating_before=None)
    slower(page, answer, [worst, load])
    looking.settled(page)
    assert page.text_content(f"{SLOWER} .answer.bad") == (
        "/checkout got slower: LCP went from 1.9s to 4.2s (+121%), from good to poor."
    )
    rows = [row.text_content() for row in page.query_selector_all(f"{SLOWER} tbody tr")]
    assert rows[0] == "/checkoutLCP1.9s4.2s+121%Poor"
    assert rows[1].startswith("/cartLoad time1.9s4.2s+121%")
    looking.assert_sound(page)
    page.click(f"{SLOWER} tbody tr:nth-child(2) button")
    assert page.text_content(".chip").startswith("Page is /cart")


def test_a_week_in_which_nothing_got_slower_says_so(looking):
    page = looking.open("/performance?site=shop&from=2020-01-01&to=2020-01-05")
    assert "no page got slower by 10% or more" in page.text_content(f"{SLOWER} .answer.good")


def test_a_period_without_measurements_says_how_they_come(looking):
    page = looking.open("/performance?site=shop&from=2020-01-01&to=2020-01-05")
    assert "wua-vitals.js" in page.text_content("section[aria-label='Web vitals']")
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    looking.assert_sound(looking.open("/performance?site=shop&least=10", width=width, theme=theme))
