"""Goals: made, seen, changed and deleted on the page; every figure is the API's."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

GOALS = "section[aria-label='Your goals']"
DEFINED = {
    "order-of-test": {"title": "Order of the test", "event": "$purchase"},
    "product-of-test": {"title": "Product of the test", "page": "/products/*"},
}


@pytest.fixture
def goals(looking: Looking) -> Iterator[None]:
    """Two goals of the shop, as long as the test looks."""
    for name, definition in DEFINED.items():
        looking.api(f"/api/v1/goals?site=shop&id={name}", definition)
    yield
    for name in DEFINED:
        request = urllib.request.Request(f"{looking.address}/api/v1/goals/{name}?site=shop", method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()


def tiles(page):
    return [
        one.text_content() for one in page.query_selector_all("section[aria-label='The goal'] .tile .value")
    ]


def told(total):
    return [
        f"{total['conversions']:,}",
        f"{total['converted_sessions']:,}",
        f"{round(100 * total['conversion_rate'], 1):g}%",
        f"{total['converted_visitors']:,}",
    ]


@pytest.mark.usefixtures("goals")
def test_every_goal_is_listed_with_the_figures_of_the_api(looking: Looking):
    page = looking.open("/goals?site=shop")
    for name, definition in DEFINED.items():
        total = looking.api(f"/api/v1/goals/{name}/conversions?site=shop")["total"]
        line = page.text_content(f"{GOALS} tr:has-text('{definition['title']}')")
        assert f"{total['conversions']:,}" in line
        assert total["conversions"] > 0
    looking.assert_sound(page)


@pytest.mark.usefixtures("goals")
def test_a_goal_is_chosen_and_filtered_by_one_value(looking: Looking):
    page = looking.open("/goals?site=shop")
    page.click(f"{GOALS} td button:text('Product of the test')")
    looking.settled(page)
    page.click("section[aria-label='Who converts'] tr[data-key=Email] button")
    looking.settled(page)
    again = looking.open(page.url.removeprefix(looking.address))
    chosen = quote(json.dumps({"op": "is", "field": "channel", "value": "Email"}))
    answer = looking.api(f"/api/v1/goals/product-of-test/conversions?site=shop&filter={chosen}")
    assert tiles(again)[:4] == told(answer["total"])
    assert answer["total"]["conversions"] > 0
    looking.assert_sound(again)


@pytest.mark.usefixtures("goals")
@pytest.mark.parametrize("name", sorted(DEFINED))
def test_what_is_told_over_time_sums_to_the_conversions(looking: Looking, name: str):
    page = looking.open(f"/goals?site=shop&goal={name}")
    page.click("section[aria-label='Over time'] button:text('Table')")
    lines = page.query_selector_all("section[aria-label='Over time'] tbody tr")
    counted = [int(line.query_selector_all("td")[1].text_content().replace(",", "")) for line in lines]
    total = looking.api(f"/api/v1/goals/{name}/conversions?site=shop")["total"]
    assert sum(counted) == total["conversions"]


def stored(looking: Looking, title: str):
    """What the goals of that title are, as the API has them."""
    found = looking.api("/api/v1/goals?site=saas")["definitions"]
    return [one["definition"] for one in found if one["definition"]["title"] == title]


def test_a_goal_is_made_changed_and_deleted(looking: Looking):
    page = looking.open("/goals?site=saas")
    page.click("text=+ New goal")
    page.fill("dialog [aria-label='Page or event: goal']", "/goal-of-test")
    page.fill("dialog [name=value]", "2.5")
    page.fill("dialog [name=currency]", "EUR")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("[aria-label='Change /goal-of-test']")
    looking.settled(page)
    made = {"title": "/goal-of-test", "page": "/goal-of-test", "value": 2.5, "currency": "EUR"}
    assert stored(looking, "/goal-of-test") == [made]
    page.click("[aria-label='Change /goal-of-test']")
    page.fill("dialog [name=title]", "Reached by the test")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("[aria-label='Delete Reached by the test']")
    looking.settled(page)
    assert stored(looking, "Reached by the test") == [{**made, "title": "Reached by the test"}]
    looking.assert_sound(page)
    page.click("[aria-label='Delete Reached by the test']")
    page.click("dialog button.danger")
    page.wait_for_selector("[aria-label='Delete Reached by the test']", state="detached")
    looking.settled(page)
    assert stored(looking, "Reached by the test") == []
    looking.assert_sound(page)


def test_what_the_server_refuses_is_said_in_the_form(looking: Looking):
    page = looking.open("/goals?site=saas")
    page.click("text=+ New goal")
    page.fill("dialog [name=title]", "Refused")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .trouble:not([hidden])")
    assert "expected one of `page`" in page.text_content("dialog .trouble")
    assert stored(looking, "Refused") == []


def test_a_site_without_goals_says_how_to_begin(looking: Looking):
    page = looking.open("/")
    none = json.dumps({"site_id": "shop", "definitions": []})
    page.route("**/api/v1/goals?*", lambda route: route.fulfill(body=none, content_type="application/json"))
    page.goto(f"{looking.address}/goals?site=shop")
    looking.settled(page)
    assert "No goal yet. Make one" in page.text_content(GOALS)
    assert "Make a goal above" in page.text_content("section[aria-label='The goal']")
    looking.assert_sound(page)


@pytest.mark.usefixtures("goals")
@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking: Looking, width: int, theme: str):
    looking.assert_sound(looking.open("/goals?site=shop", width=width, theme=theme))
